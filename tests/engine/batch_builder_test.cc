#include "engine/batch_builder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bora {
namespace {

using ::testing::ElementsAre;

TEST(BatchBuilder, FlattensTheSequencesOfAStep) {
  SequenceList sequences;
  Request request;
  request.prompt = {10, 11, 12, 13, 14};
  sequences.emplace_back(request, 3, 100, 4, nullptr);
  request.prompt = {20, 21};
  sequences.emplace_back(request, 1, 100, 4, nullptr);
  sequences.front().blocks.entries = {7, 3};
  sequences.back().blocks.entries = {5};
  SchedulerOutput step;
  step.sequences = {
      {.sequence = sequences.begin(),
       .begin = 2,
       .count = 3,
       .first_row = 0,
       .rows = 2,
       .copy = {}},
      {.sequence = std::next(sequences.begin()),
       .begin = 1,
       .count = 1,
       .first_row = 2,
       .rows = 1,
       .copy = {}},
  };
  step.tokens = 4;
  step.rows = 3;
  BatchBuilder builder({.tokens = 8, .sequences = 2, .rows = 8, .max_blocks = 3}, 4);
  for (int round = 0; round < 2; ++round) {  // the second finds what the first left
    const ForwardBatch batch = builder.build(step);
    EXPECT_THAT(batch.input_ids, ElementsAre(12, 13, 14, 21));
    EXPECT_THAT(batch.positions, ElementsAre(2, 3, 4, 1));
    EXPECT_THAT(batch.slot_mapping, ElementsAre(30, 31, 12, 21));
    EXPECT_THAT(batch.cu_seqlens_q, ElementsAre(0, 3, 4));
    EXPECT_THAT(batch.context_lens, ElementsAre(5, 2));
    EXPECT_THAT(batch.block_tables, ElementsAre(7, 3, -1, 5, -1, -1));
    EXPECT_EQ(batch.max_blocks_per_sequence, 3U);
    EXPECT_THAT(batch.logits_rows, ElementsAre(1, 2, 3));
  }
}

}  // namespace
}  // namespace bora
