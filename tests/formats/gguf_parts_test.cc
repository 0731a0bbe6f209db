#include "formats/gguf_parts.h"

#include "formats/checkpoint.h"
#include "tests/base/temp_folder.h"
#include "tests/formats/gguf_builder.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace bora {
namespace {

using testing::GgufBuilder;
using testing::TempFolder;
using Type = MetadataType;

TEST(GgufPartName, IsReadAndWritten) {
  const auto part = parse_part_name("a-00007-of-00002-00003-of-00012.gguf");
  ASSERT_TRUE(part);
  EXPECT_EQ(part->model, "a-00007-of-00002");
  EXPECT_EQ(part->number, 3U);
  EXPECT_EQ(part->count, 12U);
  EXPECT_EQ(to_file_name(*part), "a-00007-of-00002-00003-of-00012.gguf");
  for (const char* other :
       {"a.gguf", "a-00000-of-00002.gguf", "a-00003-of-00002.gguf", "a-0001-of-0002.gguf",
        "00001-of-00002.gguf", "a-00001-of-00002.bin", "a-+0001-of-00002.gguf", "-of-.gguf", ""}) {
    EXPECT_FALSE(parse_part_name(other)) << other;
  }
}

// Part `number` from 1 of a model `m` in `count`, with a tensor of that number.
struct Part {
  std::uint16_t number;
  std::uint16_t count;
  std::int32_t tensors = 3;
  std::string tensor = {};
  std::int32_t number_said = -1;  // split.no, where it is another
};

std::string part_bytes(const Part& part) {
  GgufBuilder file;
  if (part.number == 1) file.text("general.architecture", "llama");
  const auto said = part.number_said >= 0 ? part.number_said : part.number - 1;
  file.value("split.no", Type::kUint16, static_cast<std::uint16_t>(said))
      .value("split.count", Type::kUint16, part.count)
      .value("split.tensors.count", Type::kInt32, part.tensors);
  const std::string name = part.tensor.empty() ? fmt::format("t{}", part.number) : part.tensor;
  return file.tensor(name, {2}, 0, fmt::format("{0}{0}{0}{0}efgh", part.number)).bytes();
}

void write_parts(const TempFolder& folder, const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    folder.write(fmt::format("m-{:05}-of-00003.gguf", part.number), part_bytes(part));
  }
}

std::string open_error(const TempFolder& folder, std::string_view name) {
  const Result<Checkpoint> opened = Checkpoint::open(folder.path() / name);
  if (opened) return "opened";
  EXPECT_EQ(opened.error().code, ErrorCode::kBadModel);
  return opened.error().message;
}

TEST(GgufParts, OpenAsOneModelByAnyPartOrTheFolder) {
  const TempFolder folder;
  write_parts(folder, {{1, 3}, {2, 3}, {3, 3}});
  for (const char* name : {"m-00001-of-00003.gguf", "m-00003-of-00003.gguf", ""}) {
    SCOPED_TRACE(name);
    const Result<Checkpoint> opened = Checkpoint::open(folder.path() / name);
    ASSERT_TRUE(opened) << opened.error().message;
    EXPECT_EQ(opened->kind(), Checkpoint::Kind::kGguf);
    EXPECT_EQ(opened->path().filename(), "m-00001-of-00003.gguf");
    EXPECT_EQ(*opened->metadata().get_string("general.architecture"), "llama");
    EXPECT_EQ(opened->files().size(), 3U);
    ASSERT_EQ(opened->tensors().size(), 3U);
    for (int i = 1; i <= 3; ++i) {
      const Result<TensorView> view = opened->tensor(fmt::format("t{}", i));
      ASSERT_TRUE(view) << view.error().message;
      EXPECT_EQ(std::to_integer<int>(*view->data), '0' + i);
    }
  }
}

TEST(GgufParts, AreMissedByName) {
  const TempFolder folder;
  write_parts(folder, {{1, 3}, {3, 3}});
  EXPECT_EQ(open_error(folder, "m-00001-of-00003.gguf"),
            "m-00002-of-00003.gguf: expected part 2 of 3 of the model, found no such file");
  EXPECT_EQ(open_error(folder, ""),
            "m-00002-of-00003.gguf: expected part 2 of 3 of the model, found no such file");
}

TEST(GgufParts, AreHeldToTheirNumbers) {
  const TempFolder folder;
  write_parts(folder, {{1, 3}, {2, 4}, {3, 3}});
  EXPECT_EQ(open_error(folder, "m-00001-of-00003.gguf"),
            "m-00002-of-00003.gguf: expected part 2 of 3, found part 2 of 4");
  EXPECT_EQ(open_error(folder, "m-00002-of-00003.gguf"),
            "m-00002-of-00003.gguf: expected part 2 of 4 to be called NAME-00002-of-00004.gguf, "
            "found another name");
  write_parts(folder, {{2, 3, 3, "", 0}});
  EXPECT_EQ(open_error(folder, "m-00001-of-00003.gguf"),
            "m-00002-of-00003.gguf: expected part 2 of 3, found part 1 of 3");
  write_parts(folder, {{2, 1}});
  EXPECT_EQ(open_error(folder, "m-00001-of-00003.gguf"),
            "m-00002-of-00003.gguf: split.no: expected 0 in a whole model, found 1");
  folder.write("model.gguf", part_bytes({1, 3}));
  EXPECT_EQ(open_error(folder, "model.gguf"),
            "model.gguf: expected part 1 of 3 to be called NAME-00001-of-00003.gguf, found another "
            "name");
}

TEST(GgufParts, HoldEveryTensorOnce) {
  const TempFolder folder;
  write_parts(folder, {{1, 3}, {2, 3}, {3, 3, 3, "t1"}});
  EXPECT_EQ(open_error(folder, "m-00001-of-00003.gguf"),
            "m-00003-of-00003.gguf: expected every tensor once, found \"t1\", which is in "
            "m-00001-of-00003.gguf too");
  write_parts(folder, {{1, 3, 7}, {2, 3}, {3, 3}});
  EXPECT_EQ(open_error(folder, "m-00001-of-00003.gguf"),
            "m-00001-of-00003.gguf: expected 7 tensors in its 3 parts, found 3");
}

TEST(GgufParts, AreNotGuessedBesideOtherFiles) {
  const TempFolder folder;
  write_parts(folder, {{1, 3}, {2, 3}, {3, 3}});
  folder.write("other.gguf", GgufBuilder().bytes());
  EXPECT_EQ(open_error(folder, ""),
            (folder.path() / "").string() +
                ": expected one GGUF file, found 4: m-00001-of-00003.gguf, m-00002-of-00003.gguf, "
                "m-00003-of-00003.gguf, other.gguf");
}

}  // namespace
}  // namespace bora
