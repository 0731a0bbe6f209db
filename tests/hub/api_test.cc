#include "hub/api.h"

#include "tests/hub/fake_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using testing::FakeHub;
using ::testing::HasSubstr;

class Api : public ::testing::Test {
 protected:
  Api() {
    hub_.files["config.json"] = {"{}", false};
    hub_.files["sub/model.safetensors"] = {"abc", true};
  }
  Result<RemoteRevision> find() {
    HubOptions options;
    options.endpoint = FakeHub::kEndpoint;
    options.attempts = 1;
    HubSession session = *HubSession::create(hub_, options);
    return find_revision(session, *parse_model_ref("o/m"));
  }
  // The listing is this text.
  void list(std::string text) {
    hub_.fault = [text = std::move(text)](const HttpRequest& request, int,
                                          FakeHub::Answer& answer) {
      if (request.url.find("/tree/") != std::string::npos) answer = {200, {}, text};
    };
  }

  FakeHub hub_;
};

TEST_F(Api, ListsFilesWithSizesAndHashes) {
  const Result<RemoteRevision> revision = find();
  ASSERT_TRUE(revision) << revision.error().message;
  EXPECT_EQ(revision->commit, hub_.commit);
  ASSERT_EQ(revision->files.size(), 2U);
  EXPECT_EQ(revision->files[0].name, "config.json");
  EXPECT_EQ(revision->files[0].bytes, 2U);
  EXPECT_EQ(revision->files[0].etag, "9e26dfeeb6e641a33dae4961196235bdb965b21b");  // of git
  EXPECT_EQ(revision->files[1].etag,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST_F(Api, ReadsAllPages) {
  hub_.fault = [this](const HttpRequest& request, int, FakeHub::Answer& answer) {
    if (request.url.ends_with("recursive=true")) {
      answer.headers["link"] = fmt::format("<{}/api/models/o/m/tree/{}?cursor=x>; rel=\"next\"",
                                           FakeHub::kEndpoint, hub_.commit);
    }
  };
  const Result<RemoteRevision> revision = find();
  ASSERT_TRUE(revision);
  EXPECT_EQ(revision->files.size(), 4U);
}

TEST_F(Api, FollowsNoPageToAnotherHost) {
  hub_.fault = [](const HttpRequest& request, int, FakeHub::Answer& answer) {
    if (request.url.find("/tree/") != std::string::npos) {
      answer.headers["link"] = "<https://evil.test/x?secret=1>; rel=\"next\"";
    }
  };
  const Result<RemoteRevision> revision = find();
  ASSERT_FALSE(revision);
  EXPECT_EQ(hub_.count("evil.test"), 0U);
  EXPECT_EQ(revision.error().message.find("secret"), std::string::npos);
}

TEST_F(Api, RefusesNamesHashesAndSizesThatAreNone) {
  const std::string hash(40, 'a');
  const auto entry = [&](const std::string& path, const std::string& oid, const std::string& size) {
    return fmt::format(R"([{{"type":"file","path":"{}","oid":"{}","size":{}}}])", path, oid, size);
  };
  for (const char* path : {"../../x", "/etc/passwd", "a\\u0000b", "a/../b", ""}) {
    list(entry(path, hash, "1"));
    const Result<RemoteRevision> revision = find();
    ASSERT_FALSE(revision) << path;
    EXPECT_EQ(revision.error().code, ErrorCode::kBadModel);
    EXPECT_THAT(revision.error().message, HasSubstr("o/m: file name: expected one inside"));
  }
  for (const std::string& text :
       {entry("a", "../../evil", "1"), entry("a", hash, "-1"), entry("a", hash, "1e300"),
        entry("a", hash, "\"1\""), std::string("{}"), std::string("["), std::string("[1]"),
        std::string("[{}]"), std::string(100'000, '[')}) {
    list(text);
    const Result<RemoteRevision> revision = find();
    ASSERT_FALSE(revision) << text.substr(0, 100);
    EXPECT_EQ(revision.error().code, ErrorCode::kFailed);
    EXPECT_THAT(revision.error().message, HasSubstr("o/m: the Hub's answer: "));
  }
}

TEST_F(Api, RefusesACommitThatIsNone) {
  hub_.fault = [](const HttpRequest& request, int, FakeHub::Answer& answer) {
    if (request.url.ends_with("/revision/main")) answer = {200, {}, R"({"sha":"../x"})"};
  };
  EXPECT_FALSE(find());
}

TEST_F(Api, FindsNamesLikeAMistypedOne) {
  hub_.fault = [](const HttpRequest& request, int, FakeHub::Answer& answer) {
    if (request.url.find("author=mistralai") != std::string::npos) {
      answer = {200, {}, R"([{"id":"mistralai/Mistral-7B-v0.1"},{"id":"mistralai/Mathstral"},
                             {"id":"../x"},{"no":1}])"};
    }
  };
  HubOptions options;
  options.endpoint = FakeHub::kEndpoint;
  HubSession session = *HubSession::create(hub_, options);
  const std::vector<std::string> names = find_similar(session, "mistralai/Mistral-7b-v0.1", 1);
  ASSERT_EQ(names.size(), 1U);
  EXPECT_EQ(names[0], "mistralai/Mistral-7B-v0.1");
}

}  // namespace
}  // namespace bora
