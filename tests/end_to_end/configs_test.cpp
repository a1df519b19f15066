/// The shipped configs, with data of the right form in place of the real ones.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "tests/end_to_end/program.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/trainer/cifar_writer.hpp"
#include "tests/trainer/hatexplain_writer.hpp"

namespace end_to_end {
namespace {

/// Every folder that a config asks MPISWEEP_DATA for.
void write_data(const std::filesystem::path& root) {
  for (const std::string name : {"mnist", "cifar10", "cifar10_sample", "cifar100", "hatexplain"})
    std::filesystem::create_directory(root / name);
  write_image_folder(root / "mnist", 60, 28, 10);
  write_cifar10_folder(root / "cifar10", 60);
  write_cifar10_folder(root / "cifar10_sample", 60);
  write_cifar100_folder(root / "cifar100");
  write_hatexplain(root / "hatexplain");
}

std::vector<std::string> names_of_configs() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(CONFIGS))
    if (entry.path().extension() == ".yaml") names.push_back(entry.path().stem());
  std::ranges::sort(names);
  return names;
}

class ShippedConfig : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    write_data(data_.path());
    setenv("MPISWEEP_DATA", data_.path().c_str(), 1);
  }

  static std::string path(const std::string& name) {
    return std::string(CONFIGS) + "/" + name + ".yaml";
  }

 private:
  TemporaryFolder data_ = {};
};

INSTANTIATE_TEST_SUITE_P(Folder, ShippedConfig, testing::ValuesIn(names_of_configs()),
                         [](const auto& name) { return name.param; });

TEST_P(ShippedConfig, CanBePlanned) {
  const TemporaryFolder folder;

  const auto ended =
      run({MPISWEEP, "plan", path(GetParam()), "--output", (folder.path() / "out").string()});

  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  EXPECT_NE(ended.out.find(" trials, "), std::string::npos) << ended.out;
}

// Those for a cluster have one for two cores; the others take a minute as they are.
TEST(ShippedConfigs, HaveASmallTwinUnlessTheyAreQuickThemselves) {
  const std::set<std::string> quick = {"gradient_flow", "joint_linear", "quickstart"};
  const auto names = names_of_configs();
  for (const auto& name : names) {
    if (name.ends_with("_small") || quick.contains(name)) continue;
    EXPECT_EQ(std::ranges::count(names, name + "_small"), 1) << name;
  }
}

}  // namespace
}  // namespace end_to_end
