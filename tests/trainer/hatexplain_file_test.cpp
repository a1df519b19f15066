#include "trainer/datasets/hatexplain_file.hpp"

#include <gtest/gtest.h>

#include "tests/trainer/hatexplain_writer.hpp"
#include "trainer/datasets/data_file.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using Words = std::vector<std::string>;
using Rationale = std::vector<bool>;

HateXplain read(const std::filesystem::path& root) {
  return read_hatexplain(root / "dataset.json", root / "post_id_divisions.json");
}

std::string error_of(const std::filesystem::path& root) {
  try {
    read(root);
  } catch (const DataFileError& error) {
    return error.what();
  }
  return "no error";
}

/// What is said of these files, the folder left out.
std::string problem_of(const json& posts, const json& divisions = six_divisions()) {
  const TemporaryFolder folder;
  write_hatexplain(folder.path(), posts, divisions);
  auto error = error_of(folder.path());
  const auto prefix = folder.path().string() + "/";
  for (auto at = error.find(prefix); at != std::string::npos; at = error.find(prefix))
    error.erase(at, prefix.size());
  return error;
}

/// What is said where the first training post, p3, has another field.
std::string problem_with(const char* field, const json& value) {
  auto posts = six_posts();
  posts["p3"][field] = value;
  return problem_of(posts);
}

TEST(ReadHateXplain, KeepsTheOrderOfTheDivisions) {
  const TemporaryFolder folder;
  write_hatexplain(folder.path());

  const auto data = read(folder.path());

  ASSERT_EQ(data.train.size(), 3U);
  EXPECT_EQ(data.train[0].words, (Words{"bad", "bad", "", "people", "here"}));
  EXPECT_EQ(data.train[1].words, (Words{"you", "are", "bad"}));
  EXPECT_EQ(data.train[2].words, (Words{"hello", "you"}));
  ASSERT_EQ(data.validation.size(), 1U);
  EXPECT_EQ(data.validation[0].words, (Words{"only", "seen", "here"}));
  ASSERT_EQ(data.test.size(), 2U);
  EXPECT_EQ(data.test[0].words, (Words{"are", "you", "new", "here"}));
}

TEST(ReadHateXplain, TakesTheFirstLabelAndTheFirstRationale) {
  const TemporaryFolder folder;
  write_hatexplain(folder.path());

  const auto data = read(folder.path());

  EXPECT_EQ(data.train[0].label, 0);  // hate speech
  EXPECT_EQ(data.train[0].rationale, (Rationale{true, false, false, true, false}));
  EXPECT_EQ(data.train[1].label, 2);  // offensive, though two of three said normal
  EXPECT_EQ(data.train[1].rationale, (Rationale{false, false, true}));
  EXPECT_EQ(data.train[2].label, 1);  // normal
}

TEST(ReadHateXplain, HasNoRationaleWhereTheFileHasNone) {
  auto posts = six_posts();
  posts["p3"].erase("rationales");
  posts["p1"]["rationales"] = {{-1, -1, -1}};
  const TemporaryFolder folder;
  write_hatexplain(folder.path(), posts);

  const auto data = read(folder.path());

  EXPECT_EQ(data.train[0].rationale, Rationale(5));
  EXPECT_EQ(data.train[1].rationale, Rationale(3));
  EXPECT_EQ(data.train[2].rationale, Rationale(2));
}

// As ' '.join(tokens).split(' ') does in Python.
TEST(ReadHateXplain, HasTheWordsBetweenSingleSpaces) {
  auto posts = six_posts();
  posts["p1"]["post_tokens"] = {"", "a b", " c"};
  posts["p1"]["rationales"] = {{0, 1, 0}};
  const TemporaryFolder folder;
  write_hatexplain(folder.path(), posts);

  const auto post = read(folder.path()).train[1];

  EXPECT_EQ(post.words, (Words{"", "a", "b", "", "c"}));
  EXPECT_EQ(post.rationale, (Rationale{false, true, true, false, false}));
}

// Lists of other lengths than their posts may occur, and are no reason to read nothing.
TEST(ReadHateXplain, ReadsARationaleOfAnotherLengthAsFarAsItGoes) {
  const auto rationale_of_p3 = [](const std::vector<int>& values) {
    const TemporaryFolder folder;
    auto posts = six_posts();
    posts["p3"]["rationales"] = {values};
    write_hatexplain(folder.path(), posts);
    return read(folder.path()).train[0].rationale;
  };

  EXPECT_EQ(rationale_of_p3({1, 0, 1}), (Rationale{true, false, true, false, false}));
  EXPECT_EQ(rationale_of_p3({0, 0, 0, 0, 1, 1, 1}), (Rationale{false, false, false, false, true}));
}

// That is what no token, joined and split again, gives.
TEST(ReadHateXplain, ReadsAPostWithoutTokensAsOneEmptyWord) {
  const TemporaryFolder folder;
  auto posts = six_posts();
  posts["p3"]["post_tokens"] = json::array();
  write_hatexplain(folder.path(), posts);

  const auto post = read(folder.path()).train[0];

  EXPECT_EQ(post.words, Words{""});
  EXPECT_EQ(post.rationale, Rationale{true});
}

TEST(ReadHateXplain, NamesThePostThatIsWrong) {
  const std::string where = "dataset.json post 'p3': ";
  EXPECT_EQ(problem_with("post_tokens", json()), where + "field 'post_tokens' is missing in it");
  EXPECT_EQ(problem_with("post_tokens", {1, 2}),
            where + "field 'post_tokens' in it is number (want a string)");
  EXPECT_EQ(problem_with("rationales", {{1, 0, 2, 0, 0}}),
            where + "has 2 in its rationale (want 0 or 1)");
  EXPECT_EQ(problem_with("annotators", json::array()), where + "has no annotator");
  EXPECT_EQ(problem_with("annotators", {{{"label", "Normal"}}}),
            where + "has label 'Normal' (want hatespeech, normal or offensive)");
  auto posts = six_posts();
  posts["p3"] = 7;
  EXPECT_EQ(problem_of(posts), where + "it is no JSON object");
}

TEST(ReadHateXplain, TakesNoNoticeOfPostsInNoDivision) {
  auto posts = six_posts();
  posts["undecided"] = 7;

  EXPECT_EQ(problem_of(posts), "no error");
}

TEST(ReadHateXplain, NamesADivisionThatIsWrong) {
  const std::string where = "post_id_divisions.json ";
  auto divisions = six_divisions();
  divisions["test"] = {"p6", "p7"};
  EXPECT_EQ(problem_of(six_posts(), divisions),
            where + "lists post 'p7' under test, which is not in the dataset");
  divisions["val"] = json::array();
  EXPECT_EQ(problem_of(six_posts(), divisions), where + "lists no post under val");
  divisions.erase("val");
  EXPECT_EQ(problem_of(six_posts(), divisions), where + "field 'val' is missing in it");
  EXPECT_EQ(problem_of(six_posts(), json::array()), where + "is no JSON object");
}

TEST(ReadHateXplain, NamesAFileThatIsMissingOrNoJsonAndThePlaceInIt) {
  const TemporaryFolder folder;
  EXPECT_EQ(error_of(folder.path()),
            (folder / "dataset.json").string() + " cannot be opened (No such file or directory)");

  write_hatexplain(folder.path());
  folder.write("dataset.json", "{\"p1\":\n {\"label\" 3}}");
  EXPECT_NE(error_of(folder.path()).find("dataset.json is no JSON ("), std::string::npos);
  EXPECT_NE(error_of(folder.path()).find("line 2, column 11"), std::string::npos)
      << error_of(folder.path());

  folder.write("dataset.json", std::string(100000, '['));
  EXPECT_NE(error_of(folder.path()).find("lists and objects inside each other"), std::string::npos);
}

}  // namespace
}  // namespace trainer
