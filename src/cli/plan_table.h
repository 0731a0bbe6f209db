// A plan of the memory, for people and for programs. The JSON keys are a contract (docs/cli.md).
#pragma once

#include "api/model_plan.h"
#include "cli/output.h"

#include <string>

namespace bora {

Json plan_json(const ModelPlan& plan);
std::string plan_text(const ModelPlan& plan);

}  // namespace bora
