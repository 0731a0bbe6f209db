#include "engine/draft_model.h"

#include "plan/kv_blocks.h"

#include <algorithm>
#include <chrono>
#include <utility>

namespace bora {
namespace {

// Tokens that take about as long as one: a step reads all weights for any of them.
constexpr std::size_t kFew = 4;

}  // namespace

Result<std::unique_ptr<DraftModel>> DraftModel::create(std::unique_ptr<Model> model,
                                                       Backend& backend, const DraftPlan& plan,
                                                       const Model& drafted) {
  Result<KvArena> kv = KvArena::create(backend, model->kv_shape(), plan.kv_dtype,
                                       plan.lanes * plan.lane_blocks, kKvBlockTokens);
  if (!kv) return std::move(kv).error();
  Result<Workspace> workspace = Workspace::create(backend, plan.workspace_values);
  if (!workspace) return std::move(workspace).error();
  Result<Buffer> logits =
      backend.allocate(model->config().vocab_size * sizeof(float), Fill::kWhole);
  if (!logits) return std::move(logits).error();
  model->set_context_length(plan.context_length);
  Memory memory{*std::move(kv), *std::move(workspace), *std::move(logits)};
  return std::unique_ptr<DraftModel>(
      new DraftModel(std::move(model), backend, plan, std::move(memory), drafted));
}

DraftModel::DraftModel(std::unique_ptr<Model> model, Backend& backend, const DraftPlan& plan,
                       Memory memory, const Model& drafted)
    : model_(std::move(model)),
      backend_(backend),
      context_length_(plan.context_length),
      chunk_(plan.chunk),
      vocab_size_(std::min(model_->config().vocab_size, drafted.config().vocab_size)),
      assumed_relative_time_(static_cast<double>(model_->weight_bytes_per_token()) /
                             static_cast<double>(drafted.weight_bytes_per_token())),
      memory_(std::move(memory)),
      lanes_(plan, model_->kv_shape().sliding_window) {
  positions_.reserve(chunk_);
  slots_.reserve(chunk_);
}

bool DraftModel::may_draft_behind(std::span<const TokenId> tokens) const {
  const auto known = [&](TokenId id) { return static_cast<std::size_t>(id) < vocab_size_; };
  return !tokens.empty() && tokens.size() <= context_length_ && std::ranges::all_of(tokens, known);
}

void DraftModel::propose(std::span<const TokenId> tokens, std::size_t most,
                         std::vector<TokenId>& draft) {
  if (most == 0 || !may_draft_behind(tokens)) return;
  const DraftLanes::Place place = lanes_.find(tokens);
  lanes_.hold(place, tokens);
  const std::size_t count = std::min(tokens.size() - place.kept, chunk_);
  const bool reaches_end = place.kept + count == tokens.size();
  lanes_.append(place.lane, tokens.subspan(place.kept, count));
  compute(place.lane, count, reaches_end);
  if (!reaches_end) return;
  // The last token of a draft is not computed.
  most = std::min(most, context_length_ - tokens.size() + 1);
  draft.push_back(likeliest());
  while (draft.size() < most) {
    lanes_.append_draft(place.lane, draft.back());
    compute(place.lane, 1, true);
    draft.push_back(likeliest());
  }
}

DraftTime DraftModel::time(std::span<const TokenId> tokens, double step_seconds) {
  // Where nothing was measured: what each of many tokens adds to the time of one.
  constexpr double kAssumedEachMore = 0.1;
  DraftTime time;
  if (!may_draft_behind(tokens)) return time;
  const double assumed = step_seconds * assumed_relative_time_;
  token_seconds_.forget(assumed);
  seconds_each_more_.forget(assumed * kAssumedEachMore);
  time.token = token_seconds_.count > 0 ? token_seconds_.value : assumed;
  const std::size_t missing = tokens.size() - lanes_.find(tokens).kept;
  if (missing <= kFew) return time;
  const double each =
      seconds_each_more_.count > 0 ? seconds_each_more_.value : time.token * kAssumedEachMore;
  time.catch_up = each * static_cast<double>(missing - 1);
  return time;
}

void DraftModel::compute(std::size_t lane, std::size_t count, bool wants_logits) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point start = Clock::now();
  const ForwardBatch batch = batch_of(lane, count, wants_logits);
  const MutableTensorView logits{memory_.logits.bytes().data(),
                                 DType::kF32,
                                 {batch.logits_rows.size(), model_->config().vocab_size}};
  memory_.workspace.rewind(0);
  backend_.begin_step();
  model_->forward(backend_, batch, memory_.kv.cache(), memory_.workspace, logits);
  backend_.end_step();
  backend_.synchronize();
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  // The first one may have waited for the disk, which says nothing of the others.
  if (!std::exchange(is_warm_, true)) return;
  if (count <= kFew) {
    token_seconds_.add(seconds);
  } else {
    // Before a token alone was measured its time counts here as well.
    const double beyond = std::max(0.0, seconds - token_seconds_.value);
    seconds_each_more_.add(beyond / static_cast<double>(count - 1));
  }
}

ForwardBatch DraftModel::batch_of(std::size_t lane, std::size_t count, bool wants_logits) {
  const std::span<const TokenId> tokens = lanes_.tokens(lane);
  positions_.clear();
  slots_.clear();
  for (std::size_t position = tokens.size() - count; position < tokens.size(); ++position) {
    positions_.push_back(static_cast<std::int32_t>(position));
    slots_.push_back(lanes_.slot(lane, position));
  }
  cu_seqlens_[1] = static_cast<std::int32_t>(count);
  context_len_ = static_cast<std::int32_t>(tokens.size());
  logits_row_ = static_cast<std::int32_t>(count) - 1;

  ForwardBatch batch;
  batch.input_ids = tokens.last(count);
  batch.positions = positions_;
  batch.slot_mapping = slots_;
  batch.cu_seqlens_q = cu_seqlens_;
  batch.context_lens = {&context_len_, 1};
  batch.block_tables = lanes_.block_table(lane);
  batch.max_blocks_per_sequence = batch.block_tables.size();
  if (wants_logits) batch.logits_rows = {&logits_row_, 1};
  return batch;
}

TokenId DraftModel::likeliest() const {
  // A buffer of f32 is an array of floats.
  const std::span logits(reinterpret_cast<const float*>(memory_.logits.bytes().data()),
                         vocab_size_);
  return static_cast<TokenId>(std::ranges::max_element(logits) - logits.begin());
}

}  // namespace bora
