#include "text/stream_decoder.h"

#include "text/unicode.h"

#include <algorithm>
#include <utility>

namespace bora {

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, std::vector<std::string> stops,
                             DecodeOptions options)
    : tokenizer_(tokenizer), options_(options), stream_(tokenizer_.decoder()) {
  for (std::string& stop : stops) {
    if (!stop.empty() && is_valid_utf8(stop)) stops_.push_back(make_stop(std::move(stop)));
  }
}

std::string StreamDecoder::push(TokenId id) {
  if (stopped() || !tokenizer_.contains(id)) return {};
  if (options_.skip_special && tokenizer_.is_special(id)) return {};
  std::string text;
  stream_.push(tokenizer_.piece(id), text);
  return release(text);
}

std::string StreamDecoder::finish() {
  if (stopped()) return {};
  std::string text;
  stream_.finish(text);
  std::string out = release(text);
  if (!stopped()) out += std::exchange(held_, {});
  return out;
}

std::string_view StreamDecoder::stop() const {
  return stopped() ? std::string_view(stops_[stopped_by_].text) : std::string_view();
}

StreamDecoder::Stop StreamDecoder::make_stop(std::string text) {
  Stop stop;
  stop.failure.assign(text.size() + 1, 0);
  std::size_t border = 0;
  for (std::size_t i = 1; i < text.size(); ++i) {
    while (border > 0 && text[i] != text[border]) border = stop.failure[border];
    if (text[i] == text[border]) ++border;
    stop.failure[i + 1] = border;
  }
  stop.text = std::move(text);
  return stop;
}

void StreamDecoder::advance(Stop& stop, char byte) {
  while (stop.matched > 0 && stop.text[stop.matched] != byte) {
    stop.matched = stop.failure[stop.matched];
  }
  if (stop.text[stop.matched] == byte) ++stop.matched;
}

std::string StreamDecoder::release(std::string_view text) {
  const std::size_t before = held_.size();
  held_ += text;
  if (stops_.empty()) return std::exchange(held_, {});
  for (std::size_t at = before; at < held_.size(); ++at) {
    std::size_t longest = 0;  // of the stop strings that end here
    for (std::size_t i = 0; i < stops_.size(); ++i) {
      advance(stops_[i], held_[at]);
      if (stops_[i].matched < stops_[i].text.size() || stops_[i].matched <= longest) continue;
      longest = stops_[i].matched;
      stopped_by_ = i;
    }
    if (stopped()) {
      held_.resize(at + 1 - longest);
      return std::exchange(held_, {});
    }
  }
  std::size_t hold = 0;
  for (const Stop& stop : stops_) hold = std::max(hold, stop.matched);
  std::string out = held_.substr(0, held_.size() - hold);
  held_.erase(0, out.size());
  return out;
}

}  // namespace bora
