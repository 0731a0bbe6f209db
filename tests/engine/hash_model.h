// The scheduler with a model that is a hash: every slot of its cache says which prefix was stored
// there, so that a block handed to the wrong sequence, written while shared or freed too early
// shows.
#pragma once

#include "base/function_ref.h"
#include "engine/scheduler.h"
#include "engine/token_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

namespace bora::testing {

inline constexpr std::size_t kBlock = 4;
inline constexpr std::size_t kVocab = 7;

inline std::uint64_t extend(std::uint64_t prefix, TokenId token) {
  const std::uint64_t x = (prefix ^ static_cast<std::uint64_t>(token + 1)) * 0x9E3779B97F4A7C15U;
  return x ^ (x >> 29);
}

// What the model predicts after a prefix.
inline std::vector<float> logits_after(std::uint64_t prefix) {
  std::vector<float> logits(kVocab);
  for (std::size_t i = 0; i < kVocab; ++i) {
    logits[i] = static_cast<float>(extend(prefix, static_cast<TokenId>(i)) % 1000);
  }
  return logits;
}

class HashModel {
 public:
  HashModel(std::size_t num_blocks, std::size_t window)
      : cache_(num_blocks * kBlock), window_(window) {}

  // Computes a step, as the engine does.
  void run(const SchedulerOutput& step, const BlockManager& blocks) {
    for (const ScheduledSequence& each : step.sequences) copy(each.copy);
    for (const ScheduledSequence& each : step.sequences) store(each, blocks);
    for (const ScheduledSequence& each : step.sequences) read(each);
  }

 private:
  std::uint64_t& at(const Sequence& sequence, std::size_t position) {
    return cache_[static_cast<std::size_t>(slot_of(sequence.blocks, position, kBlock))];
  }

  void copy(const BlockCopy& wanted) {
    if (wanted.to.value < 0) return;
    for (std::size_t i = 0; i < kBlock; ++i) {
      cache_[static_cast<std::size_t>(wanted.to.value) * kBlock + i] =
          cache_[static_cast<std::size_t>(wanted.from.value) * kBlock + i];
    }
  }

  void store(const ScheduledSequence& each, const BlockManager& blocks) {
    std::uint64_t prefix = 0;
    for (std::size_t p = 0; p < each.begin + each.count; ++p) {
      prefix = extend(prefix, each.sequence->token_at(p));
      if (p < each.begin) continue;
      const std::int32_t block = each.sequence->blocks.entries[p / kBlock];
      ASSERT_GE(block, 0);
      ASSERT_EQ(blocks.references(BlockId{block}), 1U) << "a shared block is written";
      at(*each.sequence, p) = prefix;
    }
  }

  void read(const ScheduledSequence& each) {
    Sequence& sequence = *each.sequence;
    const std::size_t first =
        window_ == 0 || each.begin + 1 < window_ ? 0 : each.begin + 1 - window_;
    std::uint64_t prefix = 0;
    std::vector<float> logits;  // of the last each.rows positions
    for (std::size_t p = 0; p < each.begin + each.count; ++p) {
      prefix = extend(prefix, sequence.token_at(p));
      if (p + each.rows >= each.begin + each.count) {
        const std::vector<float> row = logits_after(prefix);
        logits.insert(logits.end(), row.begin(), row.end());
      }
      if (p < first) continue;
      ASSERT_GE(sequence.blocks.entries[p / kBlock], 0) << "a position in sight is gone";
      ASSERT_EQ(at(sequence, p), prefix) << "position " << p << " of another text";
    }
    if (each.rows == 0) return;
    const TensorView view{
        reinterpret_cast<const std::byte*>(logits.data()), DType::kF32, {each.rows, kVocab}};
    if (sequence.on_logits != nullptr) {
      sequence.hand_out(each.begin + each.count - each.rows, view);
      return;
    }
    sequence.draw_along_draft(view);
    for (Sequence& fork : sequence.forks) fork.draw_along_draft(view);
  }

  std::vector<std::uint64_t> cache_;
  std::size_t window_;
};

// The answer that the model gives to a prompt, by definition.
inline std::vector<TokenId> answer_to(const std::vector<TokenId>& prompt, std::size_t count) {
  const std::uint64_t prefix =
      std::accumulate(prompt.begin(), prompt.end(), std::uint64_t{0}, extend);
  std::uint64_t state = prefix;
  std::vector<TokenId> ids;
  while (ids.size() < count) {
    const std::vector<float> logits = logits_after(state);
    ids.push_back(static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin()));
    state = extend(state, ids.back());
  }
  return ids;
}

inline Request request_of(std::vector<TokenId> prompt) {
  Request request;
  request.prompt = std::move(prompt);
  request.ignore_eos = true;
  request.speculate = Speculate::kAlways;
  return request;
}

class SchedulerTest {
 public:
  SchedulerTest(const Scheduler::Limits& limits, std::size_t num_blocks, std::size_t window = 0,
                Speculation* speculation = nullptr)
      : num_blocks_(num_blocks),
        scheduler_(limits,
                   {.num_blocks = num_blocks,
                    .block_tokens = kBlock,
                    .window = window,
                    .prefix_entries = 3 * num_blocks},
                   speculation),
        model_(num_blocks, window) {}

  struct Handle {
    TokenStream stream;
    std::vector<TokenId> prompt;
    std::size_t count = 0;
  };

  Handle submit(const std::vector<TokenId>& prompt, std::size_t count,
                SequenceList* list = nullptr) {
    return submit(request_of(prompt), count, list);
  }

  Handle submit(const Request& request, std::size_t count, SequenceList* list = nullptr) {
    SequenceList arrivals;
    arrivals.emplace_back(request, count, kVocab, kBlock, nullptr);
    Handle handle{TokenStream(arrivals.back().channel), request.prompt, count};
    if (list != nullptr) {
      list->splice(list->end(), arrivals);
    } else {
      scheduler_.add(std::move(arrivals));
    }
    return handle;
  }

  std::vector<Handle> submit_forks(const std::vector<TokenId>& prompt, std::size_t count,
                                   std::size_t copies) {
    std::vector<Handle> handles;
    SequenceList arrivals;
    handles.push_back(submit(prompt, count, &arrivals));
    for (std::size_t i = 1; i < copies; ++i) {
      handles.push_back(submit(prompt, count, &arrivals.front().forks));
    }
    scheduler_.add(std::move(arrivals));
    return handles;
  }

  void score(std::size_t count, const OnLogits& on_logits) {
    SequenceList arrivals;
    arrivals.emplace_back(std::vector<TokenId>(count, 3), on_logits, kBlock, nullptr);
    scheduler_.add(std::move(arrivals));
  }

  const SchedulerOutput& step() {
    return step([](const SchedulerOutput&) {});
  }

  // `computed` is called where the engine takes the time.
  const SchedulerOutput& step(FunctionRef<void(const SchedulerOutput&)> computed) {
    const SchedulerOutput& output = scheduler_.schedule();
    model_.run(output, scheduler_.blocks());
    computed(output);
    scheduler_.commit();
    SequenceList finished = scheduler_.take_finished();
    for (Sequence& sequence : finished) sequence.report_end();
    expect_no_leak();
    return output;
  }

  void finish_all() {
    for (int steps = 0; !scheduler_.idle(); ++steps) {
      ASSERT_LT(steps, 20000) << "somebody waits for ever";
      ASSERT_NO_FATAL_FAILURE(step());
    }
    EXPECT_EQ(scheduler_.blocks().available(), num_blocks_);
  }

  Scheduler& scheduler() { return scheduler_; }

 private:
  // Every block is available or used, and as often as it says.
  void expect_no_leak() {
    std::map<std::int32_t, std::size_t> uses;
    for (const Sequence& sequence : scheduler_.running()) {
      for (const std::int32_t entry : sequence.blocks.entries) {
        if (entry >= 0) ++uses[entry];
      }
    }
    for (const Sequence& sequence : scheduler_.waiting()) {
      for (const std::int32_t entry : sequence.blocks.entries) ASSERT_LT(entry, 0);
    }
    ASSERT_EQ(uses.size() + scheduler_.blocks().available(), num_blocks_);
    for (const auto& [block, count] : uses) {
      ASSERT_EQ(scheduler_.blocks().references(BlockId{block}), count);
    }
  }

  std::size_t num_blocks_;
  Scheduler scheduler_;
  HashModel model_;
};

inline void expect_right(SchedulerTest::Handle& handle) {
  const Result<Generation> answer = handle.stream.wait();
  ASSERT_TRUE(answer) << answer.error().message;
  const std::vector<TokenId> whole = answer_to(handle.prompt, handle.count);
  if (answer->finish_reason == FinishReason::kInterrupted) {
    ASSERT_LE(answer->ids.size(), whole.size());
    EXPECT_TRUE(std::equal(answer->ids.begin(), answer->ids.end(), whole.begin()));
  } else {
    EXPECT_EQ(answer->finish_reason, FinishReason::kLength);
    EXPECT_EQ(answer->ids, whole);
  }
}

}  // namespace bora::testing
