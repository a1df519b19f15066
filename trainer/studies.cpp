#include "trainer/focus_classification.hpp"
#include "trainer/noop.hpp"
#include "trainer/study.hpp"

namespace trainer {

std::vector<Study> make_studies(const std::string& device) {
  return {focus_classification(device), noop()};
}

}  // namespace trainer
