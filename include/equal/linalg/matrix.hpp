// Dense matrices, row-major throughout the project. Views do not own; Matrix does.
#pragma once

#include <cstddef>
#include <span>
#include <type_traits>
#include <vector>

namespace equal::linalg {

/// (rows, columns) row-major, rows `stride` elements apart.
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::size_t rows = 0, columns = 0, stride = 0;

  MatrixView() = default;
  MatrixView(T* d, std::size_t r, std::size_t c) : data(d), rows(r), columns(c), stride(c) {}
  MatrixView(T* d, std::size_t r, std::size_t c, std::size_t s) : data(d), rows(r), columns(c), stride(s) {}
  std::span<T> row(std::size_t i) const { return {data + i * stride, columns}; }
  T& operator()(std::size_t i, std::size_t j) const { return data[i * stride + j]; }
  MatrixView slice(std::size_t first, std::size_t count) const {
    return {data + first * stride, count, columns, stride};
  }
  operator MatrixView<const T>() const requires(!std::is_const_v<T>) { return {data, rows, columns, stride}; }
};

template <class T>
class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t columns, T value = T{})
      : rows_(rows), columns_(columns), values_(rows * columns, value) {}
  std::size_t rows() const noexcept { return rows_; }
  std::size_t columns() const noexcept { return columns_; }
  std::span<T> row(std::size_t i) { return {values_.data() + i * columns_, columns_}; }
  std::span<const T> row(std::size_t i) const { return {values_.data() + i * columns_, columns_}; }
  T& operator()(std::size_t i, std::size_t j) { return values_[i * columns_ + j]; }
  const T& operator()(std::size_t i, std::size_t j) const { return values_[i * columns_ + j]; }
  std::span<T> values() noexcept { return values_; }
  std::span<const T> values() const noexcept { return values_; }
  MatrixView<T> view() { return {values_.data(), rows_, columns_}; }
  MatrixView<const T> view() const { return {values_.data(), rows_, columns_}; }

 private:
  std::size_t rows_ = 0, columns_ = 0;
  std::vector<T> values_;
};

}  // namespace equal::linalg
