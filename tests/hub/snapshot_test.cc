// pull() against a Hub in memory: what comes to lie where, what is fetched again, and every fault.
#include "hub/snapshot.h"

#include "hub/cache.h"
#include "hub/partial_file.h"
#include "hub/remove.h"
#include "tests/base/temp_folder.h"
#include "tests/hub/fake_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace bora {
namespace {

namespace fs = std::filesystem;
using testing::FakeHub;
using ::testing::HasSubstr;
using testing::noise;

class PullTest : public ::testing::Test {
 protected:
  PullTest() : cache_(folder_.path() / "hub") {
    hub_.files["config.json"] = {"{}", false};
    hub_.files["tokenizer.json"] = {"{\"a\":1}", false};
    hub_.files["README.md"] = {"not wanted", false};
    hub_.files["model.safetensors"] = {noise(200'000, 1), true};
    options_.endpoint = FakeHub::kEndpoint;
    options_.token = "hf_secret";
    options_.attempts = 4;
    options_.sleep = [](std::chrono::milliseconds, const std::atomic<bool>*) {};
  }
  Result<Pulled> pull(const std::string& text = "o/m") {
    HubSession session = *HubSession::create(hub_, options_);
    PullOptions how;
    how.cache = cache_;
    how.connections = 3;
    how.interrupted = &interrupted_;
    notes_.clear();
    return bora::pull(
        session, *parse_model_ref(text), how, [](const DownloadProgress&) {},
        [this](std::string_view note) { notes_ += note; });
  }
  fs::path repository() const { return cache_ / "models--o--m"; }
  static std::string text_of(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  // Nothing half-written under a final name: every blob has the hash that is its name.
  void expect_only_whole_blobs() const {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(repository() / "blobs", ignored)) {
      const std::string name = entry.path().filename().string();
      if (name.find('.') != std::string::npos) continue;
      EXPECT_EQ(testing::hash_of(text_of(entry.path()), name.size()), name);
    }
  }

  testing::TempFolder folder_;
  fs::path cache_;
  FakeHub hub_;
  HubOptions options_;
  std::atomic<bool> interrupted_{false};
  std::string notes_;
};

TEST_F(PullTest, LaysFilesOutAsHuggingFaceDoes) {
  const Result<Pulled> pulled = pull();
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->model, repository() / "snapshots" / hub_.commit);
  EXPECT_EQ(text_of(repository() / "refs/main"), hub_.commit);
  for (const char* name : {"config.json", "tokenizer.json", "model.safetensors"}) {
    const fs::path link = pulled->folder / name;
    ASSERT_TRUE(fs::is_symlink(link)) << name;
    EXPECT_EQ(fs::read_symlink(link), "../../blobs/" + hub_.files[name].etag());
    EXPECT_EQ(text_of(link), hub_.files[name].content);
  }
  EXPECT_FALSE(fs::exists(pulled->folder / "README.md"));
  EXPECT_EQ(pulled->fetched, 200'009U);
  for (const FakeHub::Seen& seen : hub_.seen()) {
    EXPECT_EQ(seen.with_token, seen.url.starts_with("https://hub.test/")) << seen.url;
  }
}

TEST_F(PullTest, FetchesNothingASecondTime) {
  ASSERT_TRUE(pull());
  hub_.forget();
  const Result<Pulled> again = pull();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->fetched, 0U);
  EXPECT_EQ(hub_.count("/resolve/"), 0U);
  EXPECT_EQ(find_cached(cache_, *parse_model_ref("o/m"), 0), again->folder);
  EXPECT_EQ(find_cached(cache_, *parse_model_ref("o/m@" + hub_.commit), 0), again->folder);
  EXPECT_FALSE(find_cached(cache_, *parse_model_ref("o/other"), 0));
}

TEST_F(PullTest, IsNotCompleteWithoutATokenizerOrAPartOfTheWeights) {
  ASSERT_TRUE(pull());
  const ModelRef ref = *parse_model_ref("o/m");
  const fs::path snapshot = repository() / "snapshots" / hub_.commit;
  fs::rename(snapshot / "tokenizer.json", snapshot / "other");
  EXPECT_FALSE(find_cached(cache_, ref, 0));
  fs::rename(snapshot / "other", snapshot / "tokenizer.json");
  EXPECT_TRUE(find_cached(cache_, ref, 0));
  std::ofstream(snapshot / "model.safetensors.index.json")
      << R"({"weight_map":{"a":"model.safetensors","b":"part2.safetensors"}})";
  EXPECT_FALSE(find_cached(cache_, ref, 0));
}

TEST_F(PullTest, GoesOnWhereAConnectionBroke) {
  hub_.fault = [](const HttpRequest& request, int count, FakeHub::Answer& answer) {
    if (request.url.starts_with("https://cdn.test") && count <= 2) answer.cut_after = 80'000;
  };
  const Result<Pulled> pulled = pull();
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->fetched, 200'009U);  // no byte twice
  std::vector<std::uint64_t> begins;
  for (const FakeHub::Seen& seen : hub_.seen()) {
    if (!seen.url.starts_with("https://cdn.test")) continue;
    begins.push_back(seen.range ? seen.range->begin : 0);
  }
  EXPECT_THAT(begins, ::testing::ElementsAre(0, 80'000, 160'000));
}

TEST_F(PullTest, AsksTheHubAgainWhereACdnUrlHasExpired) {
  hub_.fault = [](const HttpRequest& request, int count, FakeHub::Answer& answer) {
    if (!request.url.starts_with("https://cdn.test")) return;
    if (count == 1) answer.cut_after = 100'000;
    if (count == 2) answer = {403, {}, "expired"};
  };
  EXPECT_TRUE(pull());
}

TEST_F(PullTest, SkipsWhatItHasWhereAServerKnowsNoRanges) {
  hub_.fault = [this](const HttpRequest& request, int count, FakeHub::Answer& answer) {
    if (!request.url.starts_with("https://cdn.test")) return;
    answer = {200, {}, hub_.files["model.safetensors"].content};
    if (count == 1) answer.cut_after = 100'000;
  };
  const Result<Pulled> pulled = pull();
  ASSERT_TRUE(pulled) << pulled.error().message;
  EXPECT_EQ(pulled->fetched, 200'009U);
}

struct Fault {
  const char* name;
  std::function<void(const HttpRequest& request, int count, FakeHub::Answer& answer)> make;
  ErrorCode code;
  const char* message;
};

TEST_F(PullTest, EndsEveryLastingFaultWithOneClearErrorAndNothingHalfWritten) {
  const auto on_cdn = [](auto make) {
    return [make](const HttpRequest& request, int, FakeHub::Answer& answer) {
      if (request.url.starts_with("https://cdn.test")) make(answer);
    };
  };
  const std::vector<Fault> faults = {
      {"a corrupted byte", on_cdn([](FakeHub::Answer& a) { a.body[5] ^= 1; }), ErrorCode::kFailed,
       "the file was discarded"},
      {"cut each time at once", on_cdn([](FakeHub::Answer& a) { a.cut_after = 10; }),
       ErrorCode::kFailed, "connection reset"},
      {"no connection", on_cdn([](FakeHub::Answer& a) {
         a = {0, {}, ""};
       }),
       ErrorCode::kFailed, "connection refused"},
      {"503", on_cdn([](FakeHub::Answer& a) {
         a = {503, {}, ""};
       }),
       ErrorCode::kFailed, "found status 503"},
      {"404 of the CDN", on_cdn([](FakeHub::Answer& a) {
         a = {404, {}, ""};
       }),
       ErrorCode::kFailed, "found status 404"},
      {"a wrong length", on_cdn([](FakeHub::Answer& a) { a.headers["content-length"] = "7"; }),
       ErrorCode::kFailed, "expected 200000 bytes, found 7"},
      {"too short", on_cdn([](FakeHub::Answer& a) {
         a.headers.erase("content-length");
         a.body.resize(std::min<std::size_t>(a.body.size(), 1000));
       }),
       ErrorCode::kFailed, "an answer that ended after"},
      {"a redirect loop",
       [](const HttpRequest& request, int, FakeHub::Answer& answer) {
         if (request.url.starts_with("https://cdn.test")) {
           answer = {302, {{"location", request.url}}, ""};
         }
       },
       ErrorCode::kFailed, "redirects"},
      {"another etag",
       [](const HttpRequest&, int, FakeHub::Answer& answer) {
         if (answer.status == 302) answer.headers["x-linked-etag"] = std::string(64, 'c');
       },
       ErrorCode::kFailed, "it changed on the Hub meanwhile"},
      {"another commit",
       [](const HttpRequest&, int, FakeHub::Answer& answer) {
         if (answer.status == 302) answer.headers["x-repo-commit"] = std::string(40, 'c');
       },
       ErrorCode::kFailed, "it changed on the Hub meanwhile"},
      {"gated",
       [](const HttpRequest& request, int, FakeHub::Answer& answer) {
         if (request.url.find("/resolve/") != std::string::npos) {
           answer = {403, {{"x-error-code", "GatedRepo"}}, ""};
         }
       },
       ErrorCode::kNotFound, "o/m: expected access, found a gated model"}};
  for (const Fault& fault : faults) {
    std::error_code ignored;
    fs::remove_all(cache_, ignored);
    hub_.fault = fault.make;
    const Result<Pulled> pulled = pull();
    ASSERT_FALSE(pulled) << fault.name;
    EXPECT_EQ(pulled.error().code, fault.code) << fault.name;
    EXPECT_THAT(pulled.error().message, HasSubstr(fault.message)) << fault.name;
    EXPECT_THAT(pulled.error().message, ::testing::Not(HasSubstr("signature"))) << fault.name;
    EXPECT_FALSE(fs::exists(repository() / "snapshots" / hub_.commit)) << fault.name;
    EXPECT_FALSE(fs::exists(repository() / "refs/main")) << fault.name;
    expect_only_whole_blobs();
    hub_.fault = nullptr;  // and the next run completes
    const Result<Pulled> again = pull();
    ASSERT_TRUE(again) << fault.name << ": " << again.error().message;
    expect_only_whole_blobs();
  }
}

TEST_F(PullTest, KeepsWhatCameWhenItIsInterrupted) {
  hub_.fault = [this](const HttpRequest& request, int, FakeHub::Answer& answer) {
    if (!request.url.starts_with("https://cdn.test")) return;
    interrupted_ = true;
    answer.cut_after = 10;
  };
  const Result<Pulled> stopped = pull();
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
  EXPECT_TRUE(fs::exists(
      PartialFile::data_path(repository() / "blobs" / hub_.files["model.safetensors"].etag())));
  interrupted_ = false;
  hub_.fault = nullptr;
  EXPECT_TRUE(pull());
  expect_only_whole_blobs();
}

TEST_F(PullTest, NotesARevisionThatMovesMeanwhile) {
  const std::string other(40, 'd');
  hub_.fault = [&](const HttpRequest& request, int count, FakeHub::Answer& answer) {
    if (request.url.ends_with("/revision/main") && count > 1) {
      answer.body = "{\"sha\":\"" + other + "\"}";
    }
  };
  const Result<Pulled> pulled = pull();
  ASSERT_TRUE(pulled);
  EXPECT_EQ(pulled->commit, hub_.commit);
  EXPECT_THAT(notes_, HasSubstr("main moved to dddddddddddd meanwhile"));
}

TEST_F(PullTest, FetchesOnlyWhatChangedInANewRevision) {
  ASSERT_TRUE(pull());
  const std::string old = hub_.commit;
  hub_.commit = std::string(40, 'b');
  hub_.files["config.json"].content = "{\"new\":1}";
  const Result<Pulled> pulled = pull();
  ASSERT_TRUE(pulled);
  EXPECT_EQ(pulled->fetched, 9U);
  EXPECT_TRUE(fs::exists(repository() / "snapshots" / old / "model.safetensors"));
  EXPECT_EQ(text_of(repository() / "refs/main"), hub_.commit);
}

TEST_F(PullTest, RemovesExactlyWhatNothingElseRefersTo) {
  ASSERT_TRUE(pull());
  const std::string old = hub_.commit;
  hub_.commit = std::string(40, 'b');
  hub_.files["config.json"].content = "{\"new\":1}";
  ASSERT_TRUE(pull());
  const Result<Removed> one =
      remove_cached(cache_, *parse_model_ref("o/m@" + old), {.all_revisions = false});
  ASSERT_TRUE(one) << one.error().message;
  EXPECT_EQ(one->bytes, 2U);  // the old config.json; the weights are the new revision's too
  EXPECT_TRUE(find_cached(cache_, *parse_model_ref("o/m"), 0));
  EXPECT_FALSE(remove_cached(cache_, *parse_model_ref("o/m@" + old), {.all_revisions = false}));
  const Result<Removed> all = remove_cached(cache_, *parse_model_ref("o/m"), {});
  ASSERT_TRUE(all);
  EXPECT_EQ(all->bytes, 200'000U + 7 + 9 + 40);
  EXPECT_FALSE(fs::exists(repository()));
  const Result<Removed> none = remove_cached(cache_, *parse_model_ref("o/m"), {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kNotFound);
}

TEST_F(PullTest, PutsFilesThemselvesWhereThereAreNoLinks) {
  ASSERT_TRUE(pull());
  const RepoCache repo(cache_, "o/m");
  const FakeHub::Served& served = hub_.files["model.safetensors"];
  const RemoteFile file{"sub/model.safetensors", served.content.size(), served.etag()};
  const std::string commit(40, 'f');
  RemoteFile twin = file;
  twin.name = "twin.safetensors";
  ASSERT_TRUE(repo.link_file(commit, twin, true, false));
  ASSERT_TRUE(repo.link_file(commit, file, false, false));
  EXPECT_TRUE(repo.has_file(commit, file));
  EXPECT_EQ(text_of(repo.snapshot(commit) / twin.name), served.content);
  EXPECT_FALSE(fs::is_symlink(repo.snapshot(commit) / file.name));
  EXPECT_FALSE(fs::exists(repo.blob(file.etag)));
}

TEST(CheckRoom, SaysHowMuchIsMissing) {
  EXPECT_TRUE(check_room("/tmp/no/such/folder/yet", 1));
  const Result<void> room = check_room("/tmp", std::uint64_t{1} << 60);
  ASSERT_FALSE(room);
  EXPECT_THAT(room.error().message, HasSubstr("/tmp: expected room for 1152921504.61 GB, found "));
}

}  // namespace
}  // namespace bora
