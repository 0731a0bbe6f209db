#include "cli/download_view.h"

#include <gtest/gtest.h>

namespace bora {
namespace {

DownloadProgress two_files(std::uint64_t first, std::uint64_t second, std::uint64_t fetched) {
  DownloadProgress progress;
  progress.files = {{"model-00001-of-00002.safetensors", 10'000'000'000, first, false, false},
                    {"model-00002-of-00002.safetensors", 4'500'000'000, second, false, false},
                    {"config.json", 500, 500, true, false}};
  progress.bytes = 14'500'000'500;
  progress.done = first + second + 500;
  progress.fetched = fetched;
  return progress;
}

TEST(DownloadView, SaysHowMuchHasComeHowFastAndHowLong) {
  DownloadView view;
  view.update({}, 0.0);
  EXPECT_EQ(view.line(), "asking the Hub");
  view.update(two_files(4'200'000'000, 0, 1'000'000'000), 10.0);
  view.update(two_files(5'500'000'000, 0, 2'000'000'000), 20.0);
  EXPECT_EQ(view.line(), "downloading 37 %, 5.5 of 14.5 GB, 100 MB/s, 1 min 30 s left");
  DownloadProgress waiting;
  waiting.waiting = true;
  view.update(waiting, 21.0);
  EXPECT_EQ(view.line(), "waiting for another bora that downloads the same model");
}

TEST(DownloadView, HasABarForEachFileOnItsWayAndOneInAll) {
  DownloadView view;
  view.update(two_files(5'000'000'000, 45'000'000, 0), 1.0);
  const std::vector<std::string> bars = view.bars(100, 10);
  ASSERT_EQ(bars.size(), 3U);
  EXPECT_EQ(bars[0],
            "model-00001-of-00002.safetensors [##########----------]  50 %  5.0 of 10.0 GB");
  EXPECT_EQ(bars[1],
            "model-00002-of-00002.safetensors [--------------------]   1 %  0.0 of 4.5 GB");
  EXPECT_EQ(bars[2], "downloading 34 %, 5.0 of 14.5 GB");
  EXPECT_EQ(view.bars(100, 2).size(), 2U);
  for (const std::string& bar : view.bars(40, 10)) EXPECT_LE(bar.size(), 40U);
}

TEST(DownloadView, KeepsANameOfTheHubFromMovingTheCursor) {
  DownloadView view;
  DownloadProgress progress;
  progress.files = {{"a\x1b[2J\n.json", 10, 5, false, false}};
  progress.bytes = 10;
  progress.done = 5;
  view.update(progress, 1.0);
  EXPECT_EQ(view.bars(100, 10)[0].find_first_of("\x1b\n"), std::string::npos);
}

TEST(DurationText, ChoosesItsUnits) {
  EXPECT_EQ(duration_text(0.2), "1 s");
  EXPECT_EQ(duration_text(59.5), "1 min 0 s");
  EXPECT_EQ(duration_text(88.0), "1 min 28 s");
  EXPECT_EQ(duration_text(7500.0), "2 h 5 min");
}

}  // namespace
}  // namespace bora
