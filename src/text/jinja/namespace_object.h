// namespace(): the one object that templates may change, by `{% set ns.name = value %}`.
#pragma once

#include "text/jinja/runtime.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace bora::jinja {

// A namespace may come to hold itself; the runtime pins each one and cuts such cycles at the end.
class NamespaceObject final : public Object {
 public:
  static Value make(Runtime& rt, const std::shared_ptr<Dict>& attributes);

  void set(Runtime& rt, std::string_view name, const Value& value);
  void release() { attributes_->clear(); }

  [[nodiscard]] std::string_view type_name() const override { return "Namespace"; }
  [[nodiscard]] std::string repr(Runtime& rt) override;
  std::optional<Value> attribute(Runtime& rt, std::string_view name, const Value& self) override;

 private:
  std::shared_ptr<Dict> attributes_;
};

}  // namespace bora::jinja
