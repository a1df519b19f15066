#include "sweep/name_list.hpp"

#include <gtest/gtest.h>

#include "sweep/slurm/allocation.hpp"

namespace sweep {
namespace {

TEST(NameList, JoinsWhatIsConsecutive) {
  EXPECT_EQ(to_name_list({"n2", "gpu3", "n1", "n5"}), "gpu3,n[1-2,5]");
  EXPECT_EQ(to_name_list({"n1"}), "n1");
  EXPECT_EQ(to_name_list({"login", "n1", "n1"}), "login,n1");
}

TEST(NameList, LeavesBareNumbersWithoutBrackets) {
  EXPECT_EQ(to_name_list({"0", "1", "2", "3"}), "0-3");
  EXPECT_EQ(to_name_list({"10", "9", "7"}), "7,9-10");
}

TEST(NameList, KeepsLeadingZeros) {
  EXPECT_EQ(to_name_list({"n08", "n09", "n10"}), "n[08-10]");
  EXPECT_EQ(to_name_list({"n8", "n09"}), "n[8,09]");
}

TEST(NameList, MeansTheSameNamesToSlurm) {
  const std::vector<std::string> names = {"gpu-a", "n099", "n100", "n102", "r1n1", "r1n2", "x7"};

  EXPECT_EQ(expand_node_list(to_name_list(names)), names);
}

TEST(NameList, BreaksOffWhereItIsTooLong) {
  std::vector<std::string> names;
  for (int i = 0; i < 1000; ++i)
    names.push_back("n" + std::to_string(2 * i));  // no two are consecutive

  const auto list = to_name_list(names, 60);

  EXPECT_LT(list.size(), 90U);
  EXPECT_EQ(list.find("n[0,2,4,"), 0U) << list;
  EXPECT_NE(list.find(" more"), std::string::npos) << list;
}

}  // namespace
}  // namespace sweep
