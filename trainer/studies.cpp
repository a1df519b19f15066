#include "trainer/focus_classification.hpp"
#include "trainer/gradient_flow.hpp"
#include "trainer/noop.hpp"
#include "trainer/study.hpp"

namespace trainer {

std::vector<Study> make_studies(const std::string& device, const std::string& cache) {
  return {focus_classification(device, cache), gradient_flow(), noop()};
}

}  // namespace trainer
