// fetch_outline() against a Hub in memory: how little it fetches, that it opens as the model does,
// and headers that lie.
#include "hub/outline.h"

#include "formats/checkpoint.h"
#include "tests/base/temp_folder.h"
#include "tests/formats/gguf_builder.h"
#include "tests/formats/safetensors_builder.h"
#include "tests/hub/fake_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <sys/stat.h>

namespace bora {
namespace {

namespace fs = std::filesystem;
using testing::FakeHub;
using testing::GgufBuilder;
using ::testing::HasSubstr;
using testing::safetensors_file;
using testing::SafetensorsBuilder;

constexpr std::size_t kValues = std::size_t{1} << 20;

std::string weights_file(const std::string& tensor) {
  return SafetensorsBuilder()
      .tensor(tensor, "BF16", {kValues}, testing::noise(2 * kValues, 1))
      .bytes();
}

// The length that a header states, and nothing of it.
std::string stated_length(std::uint64_t length) {
  return std::string(reinterpret_cast<const char*>(&length), sizeof length);
}

class OutlineTest : public ::testing::Test {
 protected:
  OutlineTest() {
    options_.endpoint = FakeHub::kEndpoint;
    options_.attempts = 2;
    options_.sleep = [](std::chrono::milliseconds, const std::atomic<bool>*) {};
    hub_.files["config.json"] = {R"({"model_type":"mistral"})", false};
    hub_.files["tokenizer.json"] = {std::string(500'000, 'x'), false};
  }

  Result<Outline> fetch(const std::string& ref = "o/m") {
    HubSession session = *HubSession::create(hub_, options_);
    const Result<Selection> selection =
        select_files(session, *parse_model_ref(ref), {}, [](std::string_view) {});
    if (!selection) return selection.error();
    return fetch_outline(session, *selection, folder_.path(), &interrupted_);
  }

  // Of the outline itself, or of opening it.
  std::string error_of() {
    fs::remove_all(folder_.path() / "models--o--m");
    const Result<Outline> outline = fetch();
    if (!outline) return outline.error().message;
    const Result<Checkpoint> opened = Checkpoint::open(outline->model);
    return opened ? "" : opened.error().message;
  }

  testing::TempFolder folder_;
  FakeHub hub_;
  HubOptions options_;
  std::atomic<bool> interrupted_{false};
};

TEST_F(OutlineTest, OpensAsTheModelDoesAndTakesNoRoom) {
  hub_.files["model-00001-of-00002.safetensors"] = {weights_file("a"), true};
  hub_.files["model-00002-of-00002.safetensors"] = {weights_file("b"), true};
  hub_.files["model.safetensors.index.json"] = {
      R"({"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors"}})",
      false};
  const Result<Outline> outline = fetch();
  ASSERT_TRUE(outline) << outline.error().message;
  EXPECT_LT(outline->fetched, 100'000U);
  EXPECT_TRUE(is_outline(outline->model));
  EXPECT_EQ(hub_.count("tokenizer.json"), 0U);
  const Result<Checkpoint> checkpoint = Checkpoint::open(outline->model);
  ASSERT_TRUE(checkpoint) << checkpoint.error().message;
  EXPECT_EQ(checkpoint->tensor_bytes(), 4 * kValues);
  EXPECT_EQ(checkpoint->find("b")->shape, (Shape{kValues}));
  for (const MappedFile& file : checkpoint->files()) {
    struct stat status {};
    ASSERT_EQ(stat(file.path().c_str(), &status), 0);
    EXPECT_LT(status.st_blocks * 512, 200'000);
  }
}

TEST_F(OutlineTest, FetchesNothingASecondTime) {
  hub_.files["model.safetensors"] = {weights_file("a"), true};
  ASSERT_TRUE(fetch());
  hub_.forget();
  const Result<Outline> again = fetch();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->fetched, 0U);
  EXPECT_EQ(hub_.count("/resolve/"), 0U);
}

TEST_F(OutlineTest, AsksOnWhereAHeaderIsLong) {
  SafetensorsBuilder weights;
  for (int i = 0; i < 2000; ++i)
    weights.tensor("tensor" + std::to_string(i), "F32", {64}, std::string(256, 'a'));
  hub_.files["model.safetensors"] = {weights.bytes(), true};
  const Result<Outline> outline = fetch();
  ASSERT_TRUE(outline) << outline.error().message;
  EXPECT_EQ(Checkpoint::open(outline->model)->tensors().size(), 2000U);
  EXPECT_LT(outline->fetched, 200'000U);
}

TEST_F(OutlineTest, ReadsAGgufHeaderOfAnyLength) {
  for (const std::size_t tokens : {std::size_t{10}, std::size_t{400'000}}) {
    hub_.files.clear();
    GgufBuilder file;
    file.texts("tokenizer.ggml.tokens", std::vector<std::string>(tokens, "token"));
    file.tensor("a", {kValues}, 0, testing::noise(4 * kValues, 1));
    hub_.files["sub/m-Q8_0.gguf"] = {file.bytes(), true};
    fs::remove_all(folder_.path() / "models--o--m");
    const Result<Outline> outline = fetch();
    ASSERT_TRUE(outline) << outline.error().message;
    EXPECT_TRUE(is_outline(outline->model));
    const Result<Checkpoint> checkpoint = Checkpoint::open(outline->model);
    ASSERT_TRUE(checkpoint) << checkpoint.error().message;
    EXPECT_EQ(checkpoint->metadata().get_strings("tokenizer.ggml.tokens")->size(), tokens);
    EXPECT_LT(outline->fetched, 600'000 + 4 * 13 * tokens);
  }
}

TEST_F(OutlineTest, EndsHeadersThatLieWithOneErrorAndFewBytes) {
  const std::string data(1'000'000, 'x');
  struct Lie {
    std::string content;
    const char* said;
  };
  const std::vector<Lie> safetensors = {
      {stated_length(100'000'000'000) + data, "at most 100000000 bytes, found 100000000000"},
      {stated_length(std::numeric_limits<std::uint64_t>::max()) + data, "a header of at most"},
      {stated_length(50'000'000) + data, "bytes left in the file"},
      {"abc", "at least 8 bytes, found 3"},
      {safetensors_file("[]", data), "a header that begins with"}};
  for (const Lie& lie : safetensors) {
    hub_.files["model.safetensors"] = {lie.content, true};
    hub_.forget();
    EXPECT_THAT(error_of(), HasSubstr(lie.said));
    for (const FakeHub::Seen& seen : hub_.seen()) {
      if (seen.range) {
        EXPECT_LE(seen.range->end, 32U << 10U);
      }
    }
  }
  hub_.files.clear();
  const std::string many = GgufBuilder().bytes(1, std::uint64_t{1} << 60) + data;
  std::string array;
  GgufBuilder::put(array, static_cast<std::uint32_t>(MetadataType::kString));
  GgufBuilder::put(array, std::uint64_t{1} << 60);
  const std::string strings =
      GgufBuilder().raw_value("t", MetadataType::kArray, array).bytes() + data;
  for (const std::string& content : {many, strings, "GGML" + data}) {
    hub_.files["m.gguf"] = {content, true};
    EXPECT_THAT(error_of(), HasSubstr("m.gguf: ")) << content.substr(0, 30);
    EXPECT_LE(hub_.seen().back().range.value_or(ByteRange{0, 0}).end, 512U << 10U);
  }
}

TEST_F(OutlineTest, DoesNotTakeConfigurationOfAnotherHash) {
  hub_.files["model.safetensors"] = {weights_file("a"), true};
  hub_.fault = [](const HttpRequest& request, int, FakeHub::Answer& answer) {
    if (request.url.ends_with("config.json")) answer.body[3] ^= 1;
  };
  const Result<Outline> outline = fetch();
  ASSERT_FALSE(outline);
  EXPECT_EQ(outline.error().code, ErrorCode::kFailed);
  EXPECT_THAT(outline.error().message, HasSubstr("config.json: expected content of hash"));
}

TEST_F(OutlineTest, TakesTheBeginningWhereAServerKnowsNoRanges) {
  hub_.files["model.safetensors"] = {weights_file("a"), true};
  hub_.fault = [this](const HttpRequest& request, int, FakeHub::Answer& answer) {
    if (request.url.starts_with("https://cdn.test")) {
      answer = {200, {}, hub_.files["model.safetensors"].content};
    }
  };
  const Result<Outline> outline = fetch();
  ASSERT_TRUE(outline) << outline.error().message;
  EXPECT_TRUE(Checkpoint::open(outline->model));
}

TEST_F(OutlineTest, GivesUpWhenItIsInterrupted) {
  hub_.files["model.safetensors"] = {weights_file("a"), true};
  hub_.fault = [this](const HttpRequest& request, int, FakeHub::Answer&) {
    if (request.url.starts_with("https://cdn.test")) interrupted_ = true;
  };
  const Result<Outline> outline = fetch();
  ASSERT_FALSE(outline);
  EXPECT_EQ(outline.error().code, ErrorCode::kInterrupted);
}

}  // namespace
}  // namespace bora
