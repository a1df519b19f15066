#include "results/text_pool.hpp"

#include <gtest/gtest.h>

namespace results {
namespace {

TEST(TextPool, KeepsEachTextOnce) {
  TextPool texts;

  const auto cpu = texts.add("cpu");
  const auto gpu = texts.add("gpu");

  EXPECT_NE(cpu, gpu);
  EXPECT_EQ(texts.add("cpu"), cpu);
  EXPECT_EQ(texts[cpu], "cpu");
  EXPECT_EQ(texts[gpu], "gpu");
}

TEST(TextPool, KnowsTheEmptyTextAsNumberZero) {
  TextPool texts;

  EXPECT_EQ(texts[0], "");
  EXPECT_EQ(texts.add(""), 0U);
}

}  // namespace
}  // namespace results
