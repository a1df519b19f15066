#pragma once

#include <map>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "protocol/messages.hpp"
#include "trainer/pack_loop.hpp"

/// The variables of the study focus_classification: what it declares and how they are filled.
namespace trainer {

std::map<std::string, protocol::VariableDeclaration> declare_focus_variables();

/// The variables to show first, most telling first.
std::vector<std::string> focus_headline();

/// The values of one trial by variable. From the epoch in which it diverged they are null.
nlohmann::json focus_values(const PackHistory& history, std::size_t trial, const PackTask& task);

}  // namespace trainer
