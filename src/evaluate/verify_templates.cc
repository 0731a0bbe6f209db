// Goldens of chat templates: the text they render, or the error they raise.
#include "evaluate/verify.h"
#include "evaluate/verify_check.h"
#include "text/chat_template.h"
#include "text/jinja/strftime.h"

#include <fmt/format.h>

namespace bora {
namespace {

// What the template itself raised has to be found word for word; of other errors only that they
// happen.
void check_error(const Entry& entry, std::string_view expected, std::string_view type,
                 const Result<std::string>& rendered, const std::string& where,
                 VerifyReport& report) {
  if (rendered) {
    fail(report, fmt::format("{}: expected the error \"{}\", found text", where, expected));
    return;
  }
  const bool same = rendered.error().message.find(expected) != std::string::npos;
  if (type == "TemplateError" && !same) {
    fail(report, fmt::format("{}.{}: expected the error \"{}\", found \"{}\"", where, entry.where,
                             expected, rendered.error().message));
  }
}

Result<void> check_case(const Entry& entry, const ChatTemplate& chat_template,
                        const jinja::DateTime& now, const std::string& where,
                        VerifyReport& report) {
  const std::string input = simdjson::minify(entry.object.members());
  const Result<std::string> rendered = chat_template.render_json(input, now);
  ++report.checked;
  if (entry.object.has("error")) {
    Result<std::string_view> expected = entry.object.get_string("error");
    if (!expected) return std::move(expected).error();
    Result<std::string_view> type = entry.object.get_string("error_type", "");
    if (!type) return std::move(type).error();
    check_error(entry, *expected, *type, rendered, where, report);
    return {};
  }
  Result<std::string_view> expected = entry.object.get_string("rendered");
  if (!expected) return std::move(expected).error();
  if (!rendered) {
    fail(report, fmt::format("{}.{}: {}", where, entry.where, rendered.error().message));
  } else if (*rendered != *expected) {
    fail(report,
         fmt::format("{}.{}: {}", where, entry.where, first_difference(*expected, *rendered)));
  }
  return {};
}

Result<void> check_template(const Entry& entry, const jinja::DateTime& now, VerifyReport& report) {
  Result<std::string_view> name = entry.object.get_string("name", entry.where);
  if (!name) return std::move(name).error();
  Result<std::string_view> source = entry.object.get_string("template");
  if (!source) return std::move(source).error();
  Result<std::vector<Entry>> cases = read_entries(entry.object, "cases");
  if (!cases) return std::move(cases).error();
  const std::string where(*name);
  const Result<ChatTemplate> chat_template = ChatTemplate::parse(*source);
  if (!chat_template) {
    report.checked += cases->size();
    for (std::size_t i = 0; i < cases->size(); ++i) {
      fail(report, fmt::format("{}: {}", where, chat_template.error().message));
    }
    return {};
  }
  for (const Entry& each : *cases) {
    Result<void> checked = check_case(each, *chat_template, now, where, report);
    if (!checked) return checked;
  }
  return {};
}

Result<void> check_all(const JsonObject& root, VerifyReport& report) {
  Result<std::string_view> time = root.get_string("now", "1970-01-01T00:00:00");
  if (!time) return std::move(time).error();
  const std::optional<jinja::DateTime> now = jinja::parse_date_time(*time);
  if (!now) return root.error("now", "a time like 2024-07-26T14:05:09");
  Result<std::vector<Entry>> templates = read_entries(root, "templates");
  if (!templates) return std::move(templates).error();
  for (const Entry& entry : *templates) {
    Result<void> checked = check_template(entry, *now, report);
    if (!checked) return checked;
  }
  return {};
}

}  // namespace

Result<VerifyReport> verify_templates(const Golden& golden) {
  CHECK(golden.kind() == Golden::Kind::kTemplates, "a golden of chat templates");
  VerifyReport report;
  Result<void> checked = check_all(golden.root(), report);
  if (!checked) return std::move(checked).error().with_context(golden.name());
  return report;
}

}  // namespace bora
