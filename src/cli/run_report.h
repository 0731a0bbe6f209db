// How an answer went, for people and for programs. The keys are a contract (docs/cli.md).
#pragma once

#include "cli/options.h"
#include "cli/output.h"
#include <bora/llm.h>

namespace bora {

Json run_json(const Completion& completion, const LlmInfo& info, double load_s);

// Writes the report to stderr. Measures the machine's read bandwidth, which takes part of a second,
// after the answer.
void print_run_report(const Completion& completion, const LlmInfo& info, double load_s,
                      const EngineFlags& flags);

}  // namespace bora
