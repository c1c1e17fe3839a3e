#include <cmath>

#include "equal/base/bytes.hpp"
#include "equal/base/error.hpp"
#include "equal/contrast/parameters.hpp"
#include "equal/linalg/training.hpp"

namespace equal::contrast {

AdamW::AdamW(const Parameters& parameters, const AdamWParams& params) : params_(params) {
  for (const Tensor& t : parameters) {
    m_.emplace_back(t.values.values().size(), 0.0F);
    v_.emplace_back(t.values.values().size(), 0.0F);
  }
}

void AdamW::step(Parameters& parameters, const GradientSum& gradient, double learning_rate) {
  ++steps_;
  const double norm = params_.clip_norm > 0 ? gradient.norm() : 0.0;
  const float clip = norm > params_.clip_norm ? static_cast<float>(params_.clip_norm / norm) : 1.0F;
  linalg::training::AdamStep s;
  s.rate = static_cast<float>(learning_rate);
  s.beta1 = static_cast<float>(params_.beta1);
  s.beta2 = static_cast<float>(params_.beta2);
  s.epsilon = static_cast<float>(params_.epsilon);
  s.correction1 = static_cast<float>(1 - std::pow(params_.beta1, static_cast<double>(steps_)));
  s.correction2 = static_cast<float>(1 - std::pow(params_.beta2, static_cast<double>(steps_)));
  std::vector<std::uint32_t> rows;
  std::vector<float> g;
  for (std::size_t t = 0; t < parameters.size(); ++t) {
    gradient.read(t, rows, g);
    if (clip != 1.0F) {
      for (float& x : g) x *= clip;
    }
    s.decay = parameters[t].decays ? static_cast<float>(params_.weight_decay) : 0.0F;
    if (parameters[t].updates == Updates::dense) {
      linalg::training::adamw(s, g, m_[t], v_[t], parameters[t].values.values());
      continue;
    }
    const std::size_t columns = parameters[t].values.columns();
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const std::size_t at = rows[i] * columns;
      linalg::training::adamw(s, std::span(g).subspan(i * columns, columns), std::span(m_[t]).subspan(at, columns),
                              std::span(v_[t]).subspan(at, columns), parameters[t].values.row(rows[i]));
    }
  }
}

std::string AdamW::save() const {
  ByteWriter w;
  w.put(steps_);
  for (std::size_t t = 0; t < m_.size(); ++t) {
    w.put_span(std::span<const float>(m_[t]));
    w.put_span(std::span<const float>(v_[t]));
  }
  return w.take();
}

void AdamW::restore(std::string_view bytes) {
  ByteReader r(bytes);
  const auto steps = r.get<std::uint64_t>();
  for (std::size_t t = 0; t < m_.size(); ++t) {
    auto m = r.get_vector<float>(), v = r.get_vector<float>();
    if (m.size() != m_[t].size() || v.size() != v_[t].size())
      throw DataError("the optimiser's state belongs to other parameters; run with --redo warmup");
    m_[t] = std::move(m);
    v_[t] = std::move(v);
  }
  steps_ = steps;
}

}  // namespace equal::contrast
