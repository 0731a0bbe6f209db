#include "hub/url.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

TEST(Url, HasAnOriginWithItsPort) {
  EXPECT_EQ(url_origin("https://huggingface.co/a/b?c"), "https://huggingface.co:443");
  EXPECT_EQ(url_origin("https://HuggingFace.co:443/"), "https://huggingface.co:443");
  EXPECT_EQ(url_origin("http://127.0.0.1:8080/x"), "http://127.0.0.1:8080");
  EXPECT_EQ(url_origin("https://huggingface.co@evil.test/"), "https://evil.test:443");
  for (const char* text : {"ftp://a/b", "file:///etc/passwd", "/a/b", "", "http://"}) {
    EXPECT_FALSE(url_origin(text)) << text;
  }
}

TEST(Url, LeadsWhereALocationSays) {
  const std::string from = "https://hub.test/o/m/resolve/main/a";
  EXPECT_EQ(redirect_target(from, "https://cdn.test/a?s=1"), "https://cdn.test/a?s=1");
  EXPECT_EQ(redirect_target(from, "/api/a"), "https://hub.test/api/a");
  EXPECT_EQ(redirect_target(from, "//cdn.test/a"), "https://cdn.test/a");
  EXPECT_FALSE(redirect_target(from, ""));
  EXPECT_FALSE(redirect_target(from, "file:///etc/passwd"));
}

TEST(Url, IsShownWithoutItsSecrets) {
  EXPECT_EQ(shown_url("https://user:password@cdn.test/a?signature=abc"), "https://cdn.test/a");
  EXPECT_EQ(shown_url("http://127.0.0.1:8080"), "http://127.0.0.1:8080/");
}

TEST(Url, EncodesWhatAPathMayNotHold) {
  EXPECT_EQ(encode_path("sub/a b#?%.json"), "sub/a%20b%23%3F%25.json");
  EXPECT_EQ(encode_part("refs/pr/1"), "refs%2Fpr%2F1");
}

}  // namespace
}  // namespace bora
