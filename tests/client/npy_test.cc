#include "service/client/logitctl/npy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "service/client/logitctl/exit_code.h"

namespace logitd::logitctl {
namespace {

using ::testing::HasSubstr;

// A file as numpy.save writes it: the header ends with a line feed and its
// length makes the numbers begin at a multiple of 64.
std::string File(const std::string& header, const std::string& numbers,
                 char version = 1) {
  std::string padded = header;
  const std::size_t prefix = version == 1 ? 10 : 12;
  while ((prefix + padded.size() + 1) % 64 != 0) {
    padded += ' ';
  }
  padded += '\n';
  std::string file = std::string("\x93NUMPY", 6) + version + '\0';
  file += static_cast<char>(padded.size() & 0xFF);
  file += static_cast<char>(padded.size() >> 8);
  if (version != 1) {
    file += std::string(2, '\0');
  }
  return file + padded + numbers;
}

std::string Header(const std::string& shape, const std::string& descr = "<f4",
                   const std::string& fortran = "False") {
  return absl::StrCat("{'descr': '", descr, "', 'fortran_order': ", fortran,
                      ", 'shape': ", shape, ", }");
}

std::string Floats(std::initializer_list<float> values) {
  std::string bytes(values.size() * 4, '\0');
  std::memcpy(bytes.data(), std::data(values), bytes.size());
  return bytes;
}

void ExpectRefused(std::string content, const std::string& part) {
  const auto rows = ParseNpy(std::move(content));
  ASSERT_FALSE(rows.ok()) << part;
  EXPECT_EQ(ExitCodeOf(rows.status()), kUsage);
  EXPECT_THAT(rows.status().message(), HasSubstr(part));
  EXPECT_THAT(rows.status().message(), HasSubstr("numpy.save"));
}

TEST(Npy, ReadsOneRow) {
  const auto rows = ParseNpy(File(Header("(3,)"), Floats({1, 2, 3})));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->row_count, 1);
  EXPECT_EQ(rows->row_width, 3);
  EXPECT_EQ(rows->bytes, Floats({1, 2, 3}));
}

TEST(Npy, ReadsManyRowsInEveryVersion) {
  for (const char version : {'\1', '\2', '\3'}) {
    const auto rows =
        ParseNpy(File(Header("(2, 3)"), Floats({1, 2, 3, 4, 5, 6}), version));
    ASSERT_TRUE(rows.ok()) << rows.status();
    EXPECT_EQ(rows->row_count, 2);
    EXPECT_EQ(rows->row_width, 3);
    EXPECT_EQ(rows->bytes.size(), 24);
  }
}

TEST(Npy, ReadsFloat16) {
  const auto rows = ParseNpy(File(Header("(2, 3)", "<f2"), "abcdefghijkl"));
  ASSERT_TRUE(rows.ok()) << rows.status();
  EXPECT_EQ(rows->dtype, v1::DTYPE_FLOAT16);
  EXPECT_EQ(rows->row_count, 2);
  EXPECT_EQ(rows->row_width, 3);
  EXPECT_EQ(rows->bytes, "abcdefghijkl");
  ExpectRefused(File(Header("(2, 3)", "<f2"), Floats({1, 2, 3, 4, 5, 6})),
                "24 bytes of numbers where its shape [2, 3] needs 2 for each");
}

TEST(Npy, RefusesWhatIsNotNpy) {
  ExpectRefused("", "not a .npy file");
  ExpectRefused("hello world, this is a text", "not a .npy file");
  ExpectRefused("\x93NUMPY", "not a .npy file");
  ExpectRefused(File(Header("(1,)"), Floats({1}), 9), "version 9");
}

TEST(Npy, RefusesOtherDtypes) {
  ExpectRefused(File(Header("(1,)", "<f8"), std::string(8, '\0')), "'<f8'");
  ExpectRefused(File(Header("(1,)", ">f4"), Floats({1})), "'>f4'");
  ExpectRefused(File(Header("(2,)", ">f2"), Floats({1})), "'>f2'");
  ExpectRefused(File(Header("(2,)", "<i2"), Floats({1})),
                "neither little-endian float32 '<f4' nor float16 '<f2'");
  ExpectRefused(
      File("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}",
           Floats({1})),
      "'descr'");
}

TEST(Npy, RefusesFortranOrder) {
  ExpectRefused(File(Header("(2, 2)", "<f4", "True"), Floats({1, 2, 3, 4})),
                "Fortran order");
}

TEST(Npy, RefusesOtherShapes) {
  ExpectRefused(File(Header("()"), Floats({1})), "neither [V] nor [R, V]");
  ExpectRefused(File(Header("(1, 1, 1)"), Floats({1})), "neither");
  ExpectRefused(File(Header("(0, 5)"), ""), "empty");
  ExpectRefused(File(Header("(99999999999, 5)"), ""), "too large");
  ExpectRefused(File(Header("(x,)"), ""), "not readable");
  ExpectRefused(File(Header("(4294967295, 4294967295)"), Floats({1})),
                "4 bytes of numbers");
}

TEST(Npy, RefusesATruncatedFile) {
  const std::string whole = File(Header("(2, 3)"), Floats({1, 2, 3, 4, 5, 6}));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(ParseNpy(whole.substr(0, length)).ok()) << length;
  }
  ExpectRefused(whole.substr(0, whole.size() - 1), "23 bytes of numbers");
  ExpectRefused(whole.substr(0, 40), "header is cut off");
}

TEST(Npy, RefusesAFileThatIsTooLong) {
  ExpectRefused(File(Header("(1,)"), Floats({1, 2})), "8 bytes of numbers");
}

TEST(Npy, RefusesAHeaderWithoutItsParts) {
  ExpectRefused(File("{}", Floats({1})), "no 'descr'");
  ExpectRefused(File("{'descr': '<f4'}", Floats({1})), "no 'fortran_order'");
  ExpectRefused(File("{'descr': '<f4', 'fortran_order': False, }", Floats({1})),
                "no 'shape'");
  ExpectRefused(File("{'descr': '<f4", Floats({1})), "'descr' is not readable");
}

TEST(ReadNpy, NamesTheFile) {
  const auto missing = ReadNpy("/nowhere/rows.npy");
  EXPECT_THAT(missing.status().message(),
              HasSubstr("cannot open /nowhere/rows.npy: No such file"));
  EXPECT_EQ(ExitCodeOf(missing.status()), kUsage);
  const std::string file = ::testing::TempDir() + "/logitd_npy_test.npy";
  std::ofstream(file, std::ios::binary)
      << File(Header("(3,)"), Floats({1, 2, 3}));
  EXPECT_EQ(ReadNpy(file)->row_width, 3);
  std::ofstream(file) << "text";
  EXPECT_THAT(ReadNpy(file).status().message(), HasSubstr(file));
  std::filesystem::remove(file);
}

TEST(Npy, IsWrittenAsNumpyWritesIt) {
  const NpyRows rows = {v1::DTYPE_FLOAT32, 2, 3, Floats({1, 2, 3, 4, 5, 6})};
  EXPECT_EQ(FormatNpy(rows), File(Header("(2, 3)"), rows.bytes));
  const auto back = ParseNpy(FormatNpy(rows));
  ASSERT_TRUE(back.ok()) << back.status();
  EXPECT_EQ(back->row_count, 2u);
  EXPECT_EQ(back->row_width, 3u);
  EXPECT_EQ(back->bytes, rows.bytes);
  for (std::uint32_t width = 1; width < 500000000; width *= 7) {
    const NpyRows none = {v1::DTYPE_FLOAT16, 1, width, ""};
    EXPECT_EQ(FormatNpy(none).size() % 64, 0u) << width;
    EXPECT_THAT(FormatNpy(none), HasSubstr("'<f2'"));
  }
}

}  // namespace
}  // namespace logitd::logitctl
