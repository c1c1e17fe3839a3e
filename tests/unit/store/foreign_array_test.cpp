// Array files that are whole HDF5 files, but not as this program writes them: refused, and the message says what is
// odd.
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"
#include "equal/store/embeddings.hpp"
#include "equal/store/partition.hpp"

#include "hdf5_handle.hpp"
#include "sample.hpp"
#include "support/message.hpp"
#include "support/scratch.hpp"

namespace equal::store {
namespace {

using equal::test::message_of;
using equal::test::ScratchFolder;
using hdf5::Handle;
using testing::HasSubstr;

/// What a partition says when it is opened after `change` of the open file.
std::string refusal(const std::function<void(hid_t)>& change) {
  const ScratchFolder folder("foreign");
  const auto path = folder / "p.h5";
  test::write_sample(path, test::sample_documents(3));
  {
    const hdf5::Session session;
    const Handle access = hdf5::file_access();
    const Handle file(H5Fopen(path.c_str(), H5F_ACC_RDWR, access.get()), &H5Fclose);
    EXPECT_TRUE(file) << hdf5::last_error();
    change(file.get());
  }
  return message_of<DataError>([&] { PartitionReader reader(path); });
}

Handle space(std::vector<hsize_t> dims) {
  return {H5Screate_simple(static_cast<int>(dims.size()), dims.data(), nullptr), &H5Sclose};
}

void add_array(hid_t file, const char* name, hid_t type, std::vector<hsize_t> dims) {
  const Handle where = space(std::move(dims));
  const Handle array(H5Dcreate2(file, name, type, where.get(), H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT), &H5Dclose);
  EXPECT_TRUE(array) << hdf5::last_error();
  const std::vector<std::uint64_t> zeros(4096);
  EXPECT_GE(H5Dwrite(array.get(), type, H5S_ALL, H5S_ALL, H5P_DEFAULT, zeros.data()), 0);
}

void set_attribute(hid_t file, const char* name, hid_t type, const void* value) {
  H5Adelete(file, name);
  const Handle scalar(H5Screate(H5S_SCALAR), &H5Sclose);
  const Handle attribute(H5Acreate2(file, name, type, scalar.get(), H5P_DEFAULT, H5P_DEFAULT), &H5Aclose);
  EXPECT_TRUE(attribute) << hdf5::last_error();
  EXPECT_GE(H5Awrite(attribute.get(), type, value), 0);
}

TEST(ForeignArrays, AFileThatIsWrittenAgainUnchangedIsRead) {
  EXPECT_EQ(refusal([](hid_t) {}), "nothing was thrown");
}

TEST(ForeignArrays, LinksAndOtherWaysToStoreAreRefused) {
  EXPECT_THAT(refusal([](hid_t f) { H5Lcreate_soft("/texts", f, "more", H5P_DEFAULT, H5P_DEFAULT); }),
              HasSubstr("p.h5: more: is a link to somewhere else"));
  EXPECT_THAT(refusal([](hid_t f) { H5Lcreate_external("other.h5", "/x", f, "more", H5P_DEFAULT, H5P_DEFAULT); }),
              HasSubstr("p.h5: more: is a link to somewhere else"));
  EXPECT_THAT(refusal([](hid_t f) { add_array(f, "more", H5T_STD_I16LE, {4}); }),
              HasSubstr("more: has an element type"));
  EXPECT_THAT(refusal([](hid_t f) {
                add_array(f, "more", H5T_STD_U32LE, {2, 2, 2});
              }),
              HasSubstr("more: has 3 dimensions"));
  EXPECT_THAT(refusal([](hid_t f) { add_array(f, "more", H5T_STD_U32LE, {4}); }),
              HasSubstr("more: does not carry exactly its SHA-256"));
  EXPECT_THAT(refusal([](hid_t f) {
                const Handle creation(H5Pcreate(H5P_DATASET_CREATE), &H5Pclose);
                const hsize_t chunk = 16;
                H5Pset_chunk(creation.get(), 1, &chunk);
                const Handle where = space({64});
                const Handle array(
                    H5Dcreate2(f, "more", H5T_STD_U32LE, where.get(), H5P_DEFAULT, creation.get(), H5P_DEFAULT),
                    &H5Dclose);
                EXPECT_TRUE(array);
              }),
              HasSubstr("more: is not stored as one contiguous piece"));
  EXPECT_THAT(refusal([](hid_t f) {
                for (int i = 0; i < 70; ++i) add_array(f, ("more" + std::to_string(i)).c_str(), H5T_STD_U32LE, {4});
              }),
              HasSubstr("objects; our formats hold fewer than 64"));
}

TEST(ForeignArrays, HeadersThatDoNotSayWhatTheyMustAreRefused) {
  const std::uint64_t newer = 99;
  const std::int32_t small = 1;
  const double real = 1.0;
  EXPECT_THAT(refusal([&](hid_t f) { set_attribute(f, "version", H5T_NATIVE_UINT64, &newer); }),
              HasSubstr("attribute version: 99; this program reads up to 1: use a newer one"));
  EXPECT_THAT(refusal([&](hid_t f) { set_attribute(f, "version", H5T_NATIVE_DOUBLE, &real); }),
              HasSubstr("attribute version: is missing or no whole number"));
  EXPECT_THAT(refusal([&](hid_t f) { set_attribute(f, "version", H5T_NATIVE_INT32, &small); }),
              HasSubstr("attribute version: cannot be read"));
  EXPECT_THAT(refusal([](hid_t f) { H5Adelete(f, "version"); }), HasSubstr("attribute version: is missing"));
  EXPECT_THAT(refusal([&](hid_t f) { set_attribute(f, "format", H5T_NATIVE_DOUBLE, &real); }),
              HasSubstr("attribute format: is missing or no text"));
  EXPECT_THAT(refusal([&](hid_t f) { set_attribute(f, "more", H5T_NATIVE_DOUBLE, &real); }),
              HasSubstr("attribute content_digest: does not match"));
  EXPECT_THAT(refusal([&](hid_t f) {
                for (int i = 0; i < 70; ++i)
                  set_attribute(f, ("more" + std::to_string(i)).c_str(), H5T_NATIVE_DOUBLE, &real);
              }),
              HasSubstr("attributes; fewer than 64 are allowed"));
}

}  // namespace
}  // namespace equal::store
