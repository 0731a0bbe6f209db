#include "hub/session.h"

#include "tests/hub/fake_hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace bora {
namespace {

using std::chrono::milliseconds;
using testing::FakeHub;
using ::testing::HasSubstr;
using ::testing::Not;

class Session : public ::testing::Test {
 protected:
  Session() {
    hub_.files["small.json"] = {"{}", false};
    hub_.files["large.bin"] = {"abc", true};
    options_.endpoint = FakeHub::kEndpoint;
    options_.token = "hf_secret";
    options_.sleep = [this](milliseconds pause, const std::atomic<bool>*) {
      pauses_.push_back(pause);
    };
  }
  HubSession session() { return *HubSession::create(hub_, options_); }
  std::string url(const std::string& name) const {
    return fmt::format("{}/o/m/resolve/{}/{}", FakeHub::kEndpoint, hub_.commit, name);
  }
  HubAnswer get(const std::string& from, std::string* body = nullptr) {
    HubSession opened = session();
    const auto on_head = [](const HttpHead&) { return true; };
    const auto on_body = [&](std::span<const std::byte> bytes) {
      if (body != nullptr) body->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
      return true;
    };
    return opened.get({.url = from, .headers = {}, .range = {}, .stop = nullptr},
                      {on_head, on_body});
  }

  FakeHub hub_;
  HubOptions options_;
  std::vector<milliseconds> pauses_;
};

TEST_F(Session, SendsTheTokenToTheEndpointAndToNobodyElse) {
  std::string body;
  const HubAnswer answer = get(url("large.bin"), &body);
  EXPECT_EQ(body, "abc");
  EXPECT_FALSE(answer.at_endpoint);
  EXPECT_EQ(answer.linked.etag, hub_.files["large.bin"].etag());
  EXPECT_EQ(answer.linked.commit, hub_.commit);
  ASSERT_EQ(hub_.seen().size(), 2U);
  EXPECT_TRUE(hub_.seen()[0].with_token);
  EXPECT_FALSE(hub_.seen()[1].with_token);
}

TEST_F(Session, KnowsItsOwnOriginByHostPortAndScheme) {
  for (const char* target : {"https://hub.test:8443/x", "https://hub.test.evil/x",
                             "https://hub.test@evil.test/x", "https://evil.test/hub.test"}) {
    hub_.forget();
    hub_.fault = [&](const HttpRequest& request, int, FakeHub::Answer& answer) {
      if (request.url == url("small.json")) answer = {302, {{"location", target}}, ""};
    };
    (void)get(url("small.json"));
    ASSERT_EQ(hub_.seen().size(), 2U) << target;
    EXPECT_FALSE(hub_.seen()[1].with_token) << target;
  }
}

TEST_F(Session, FollowsARedirectOfTheEndpointToItself) {
  hub_.fault = [&](const HttpRequest& request, int, FakeHub::Answer& answer) {
    if (request.url.ends_with("/old")) {
      answer = {307, {{"location", url("small.json")}}, "moved"};
    }
  };
  std::string body;
  const HubAnswer answer = get(url("old"), &body);
  EXPECT_EQ(body, "{}");
  EXPECT_TRUE(answer.at_endpoint);
  EXPECT_TRUE(hub_.seen()[1].with_token);
}

TEST_F(Session, RefusesARedirectInCirclesOrToWhatIsNotProtected) {
  hub_.fault = [&](const HttpRequest& request, int, FakeHub::Answer& answer) {
    answer = {302, {{"location", request.url}}, ""};
  };
  EXPECT_EQ(get(url("small.json")).problem, "more than 8 redirects");
  for (const char* target : {"http://hub.test/x", "file:///etc/passwd", "gopher://hub.test/"}) {
    hub_.forget();
    hub_.fault = [&](const HttpRequest&, int, FakeHub::Answer& answer) {
      answer = {302, {{"location", target}}, ""};
    };
    EXPECT_THAT(get(url("small.json")).problem, HasSubstr("none may lead")) << target;
    EXPECT_EQ(hub_.seen().size(), 1U) << target;
  }
}

TEST_F(Session, TriesAgainWithLongerAndLongerPauses) {
  hub_.fault = [](const HttpRequest&, int count, FakeHub::Answer& answer) {
    constexpr std::array kStatus = {500, 0, 503};
    if (count <= 3) answer = {kStatus[static_cast<std::size_t>(count - 1)], {}, ""};
  };
  HubSession opened = session();
  const Result<std::string> text = opened.read("/api/models/o/m/revision/main", "o/m");
  ASSERT_TRUE(text);
  EXPECT_THAT(*text, HasSubstr(hub_.commit));
  ASSERT_EQ(pauses_.size(), 3U);
  for (std::size_t i = 0; i < pauses_.size(); ++i) {
    EXPECT_GE(pauses_[i], milliseconds(250) * (1 << i));
    EXPECT_LE(pauses_[i], milliseconds(500) * (1 << i));
  }
}

TEST_F(Session, WaitsAsLongAsTheServerSays) {
  hub_.fault = [](const HttpRequest&, int count, FakeHub::Answer& answer) {
    if (count == 1) answer = {429, {{"retry-after", "7"}}, ""};
  };
  HubSession opened = session();
  EXPECT_TRUE(opened.read("/api/models/o/m/revision/main", "o/m"));
  ASSERT_EQ(pauses_.size(), 1U);
  EXPECT_EQ(pauses_[0], milliseconds(7000));
}

TEST_F(Session, GivesUpAfterSoManyAttempts) {
  options_.attempts = 3;
  hub_.fault = [](const HttpRequest&, int, FakeHub::Answer& answer) { answer = {503, {}, ""}; };
  HubSession opened = session();
  const Result<std::string> text = opened.read("/api/models/o/m/revision/main", "o/m");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().code, ErrorCode::kFailed);
  EXPECT_EQ(text.error().message, "o/m: expected an answer of https://hub.test/, found status 503");
  EXPECT_EQ(hub_.seen().size(), 3U);
}

TEST_F(Session, ReadsNoDocumentWithoutAnEnd) {
  hub_.fault = [](const HttpRequest&, int, FakeHub::Answer& answer) {
    answer = {200, {}, std::string(std::size_t{65} << 20, ' ')};
  };
  HubSession opened = session();
  const Result<std::string> text = opened.read("/api/models/o/m/revision/main", "o/m");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message, "o/m: expected at most 64 MB from the Hub, found more");
  EXPECT_EQ(hub_.seen().size(), 1U);
}

struct Refused {
  int status;
  const char* code;
  const char* token;
  const char* message;
  const char* hint;
};

TEST_F(Session, SaysWhatARefusalMeansAndNeverTheToken) {
  const std::array cases = {
      Refused{401, "GatedRepo", "", "expected access, found a gated model (status 401)",
              "1. accept its terms at https://hub.test/o/m"},
      Refused{403, "GatedRepo", "hf_secret", "expected access, found a gated model (status 403)",
              "2. bora login, with a token of the account"},
      Refused{401, "RepoNotFound", "", "expected a model on the Hub, found none of that name",
              "a private one takes a token: bora login"},
      Refused{404, "RepoNotFound", "hf_secret", "found none of that name", ""},
      Refused{404, "RevisionNotFound", "", "expected a revision of the repository", ""},
      Refused{401, "", "hf_secret", "found a token that the Hub refuses", "bora login stores"}};
  for (const Refused& one : cases) {
    options_.token = one.token;
    hub_.fault = [&](const HttpRequest&, int, FakeHub::Answer& answer) {
      answer = {one.status, {}, ""};
      if (one.code[0] != '\0') answer.headers["x-error-code"] = one.code;
    };
    HubSession opened = session();
    const Result<std::string> text = opened.read("/api/models/o/m/revision/main", "o/m");
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, ErrorCode::kNotFound) << one.code;
    EXPECT_THAT(text.error().message, HasSubstr(one.message));
    std::string hints;
    for (const std::string& hint : text.error().hints) hints += hint + "\n";
    EXPECT_THAT(hints, HasSubstr(one.hint));
    EXPECT_THAT(text.error().message + hints, Not(HasSubstr("hf_secret")));
  }
}

TEST_F(Session, TakesNoTokenThatIsMoreThanAWord) {
  options_.token = "hf_a\r\nX-Evil: 1";
  const Result<HubSession> opened = HubSession::create(hub_, options_);
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().code, ErrorCode::kUsage);
  EXPECT_THAT(opened.error().message, Not(HasSubstr("hf_a")));
}

TEST_F(Session, GivesTheNextPageOfAListing) {
  hub_.fault = [](const HttpRequest&, int, FakeHub::Answer& answer) {
    answer.headers["link"] =
        "<https://hub.test/p?x=1>; rel=\"prev\", <https://hub.test/n?c=2>; "
        "rel=\"next\"";
  };
  HubSession opened = session();
  std::string next;
  EXPECT_TRUE(opened.read("/api/models/o/m/revision/main", "o/m", &next));
  EXPECT_EQ(next, "https://hub.test/n?c=2");
}

}  // namespace
}  // namespace bora
