#include "api/chat_sampling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <tuple>
#include <vector>

namespace bora {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Result<SamplingParams> sampling(std::string_view json, const SamplingWishes& wishes = {}) {
  const Result<JsonDocument> document = JsonDocument::parse(json, "generation_config.json");
  if (!document) return document.error();
  return chat_sampling(*document->object(), wishes);
}

using Five = std::tuple<float, std::int32_t, float, float, float>;

Five five(const Result<SamplingParams>& params) {
  if (!params) {
    ADD_FAILURE() << params.error().message;
    return {};
  }
  return {params->temperature, params->top_k, params->top_p, params->min_p,
          params->repetition_penalty};
}

TEST(ChatSampling, ReadsTheFileAsTransformersDoes) {
  const std::vector<std::pair<std::string_view, Five>> cases = {
      {R"({"do_sample": true, "temperature": 0.7, "top_k": 20, "top_p": 0.8, "min_p": 0.05,
           "repetition_penalty": 1.1})",
       {0.7F, 20, 0.8F, 0.05F, 1.1F}},
      {R"({"do_sample": true})", {1.0F, 50, 1.0F, 0.0F, 1.0F}},
      {R"({"do_sample": false, "temperature": 0.7})", {0.0F, 50, 1.0F, 0.0F, 1.0F}},
      {R"({"temperature": 0.7})", {0.0F, 50, 1.0F, 0.0F, 1.0F}},
      {R"({"do_sample": null, "top_p": 0.5})", {0.0F, 50, 0.5F, 0.0F, 1.0F}},
      {R"({"do_sample": true, "temperature": 0})", {0.0F, 50, 1.0F, 0.0F, 1.0F}},
      {R"({"do_sample": true, "temperature": 2, "top_p": 1})", {2.0F, 50, 1.0F, 0.0F, 1.0F}},
      {R"({"do_sample": true, "top_k": 0})", {1.0F, 0, 1.0F, 0.0F, 1.0F}},
      {R"({"do_sample": true, "top_k": -1})", {1.0F, 0, 1.0F, 0.0F, 1.0F}},
      {R"({"do_sample": true, "top_k": null, "top_p": null, "min_p": null, "temperature": null,
           "repetition_penalty": null})",
       {1.0F, 0, 1.0F, 0.0F, 1.0F}},
  };
  for (const auto& [json, expected] : cases) EXPECT_EQ(five(sampling(json)), expected) << json;
}

TEST(ChatSampling, IsBorasOwnWhereTheModelSaysNothing) {
  const Five own = {kChatTemperature, 0, kChatTopP, 0.0F, 1.0F};
  EXPECT_EQ(five(chat_sampling(std::nullopt, {})), own);
  EXPECT_EQ(five(sampling("{}")), own);
  EXPECT_EQ(five(sampling(R"({"eos_token_id": [1, 2], "max_length": 4096})")), own);
}

TEST(ChatSampling, FollowsTheUserFirst) {
  const SamplingWishes wishes = {
      .temperature = 0.5F, .top_k = 7, .top_p = 0.25F, .min_p = 0.125F, .repetition_penalty = 2.0F};
  const Five wished = {0.5F, 7, 0.25F, 0.125F, 2.0F};
  EXPECT_EQ(five(chat_sampling(std::nullopt, wishes)), wished);
  EXPECT_EQ(five(sampling(R"({"do_sample": true, "temperature": 0.7, "top_k": 20})", wishes)),
            wished);
  EXPECT_EQ(five(sampling(R"({"do_sample": false})", {.temperature = 0.5F})),
            (Five{0.5F, 50, 1.0F, 0.0F, 1.0F}));
  EXPECT_EQ(five(sampling(R"({"do_sample": 1, "temperature": "hot", "top_k": [], "top_p": 7,
                              "min_p": -1, "repetition_penalty": 0})",
                          wishes)),
            wished)
      << "what is overridden is not read";
}

TEST(ChatSampling, NamesTheKeyThatCannotBe) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"("temperature": -0.5)", "temperature: expected a number from 0 to 100, found -0.5"},
      {R"("temperature": 101)", "temperature: expected a number from 0 to 100, found 101"},
      {R"("temperature": "0.7")", "temperature: expected a number from 0 to 100, found \"0.7\""},
      {R"("top_k": 1.5)", "top_k: expected a whole number from 0, found 1.5"},
      {R"("top_k": -2)", "top_k: expected a whole number from 0, found -2"},
      {R"("top_k": 4294967296)", "top_k: expected a whole number from 0, found 4294967296"},
      {R"("top_p": 0)", "top_p: expected a number above 0 and up to 1, found 0"},
      {R"("top_p": 1.01)", "top_p: expected a number above 0 and up to 1, found 1.01"},
      {R"("min_p": 2)", "min_p: expected a number from 0 to 1, found 2"},
      {R"("repetition_penalty": 0)",
       "repetition_penalty: expected a number above 0 and up to 100, found 0"},
      {R"("repetition_penalty": {})",
       "repetition_penalty: expected a number above 0 and up to 100, found an object"},
      {R"("do_sample": "yes")", "do_sample: expected true or false, found \"yes\""},
  };
  for (const auto& [member, expected] : cases) {
    const Result<SamplingParams> params = sampling("{" + member + "}");
    ASSERT_FALSE(params) << member;
    EXPECT_EQ(params.error().code, ErrorCode::kBadModel);
    EXPECT_EQ(params.error().message, "generation_config.json: " + expected);
    ASSERT_EQ(params.error().hints.size(), 1U);
    EXPECT_THAT(params.error().hints.front(), StartsWith("--"));
    EXPECT_THAT(params.error().hints.front(), HasSubstr(" overrides it"));
  }
}

TEST(ChatSampling, GivesWhatTheSamplerTakes) {
  for (const char* json :
       {R"({"do_sample": true, "temperature": 100, "top_k": 2147483647, "top_p": 1e-8})",
        R"({"do_sample": true, "min_p": 1, "repetition_penalty": 1e-5})"}) {
    const Result<SamplingParams> params = sampling(json);
    ASSERT_TRUE(params) << json;
    EXPECT_TRUE(validate(*params)) << json;
  }
}

}  // namespace
}  // namespace bora
