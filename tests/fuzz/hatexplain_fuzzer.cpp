/// The two files of HateXplain: the divisions in the first line, the posts in the others.
#include <algorithm>
#include <optional>

#include "tests/fuzz/fuzzer.hpp"
#include "tests/temporary_folder.hpp"
#include "trainer/datasets/data_file.hpp"
#include "trainer/datasets/hatexplain_file.hpp"

namespace {

using fuzz::require;

/// Nothing if the files are refused.
std::optional<trainer::HateXplain> read_or_nothing(const std::filesystem::path& dataset,
                                                   const std::filesystem::path& divisions) {
  try {
    return trainer::read_hatexplain(dataset, divisions);
  } catch (const trainer::DataFileError&) {
    return std::nullopt;
  }
}

void require_posts(const std::vector<trainer::AnnotatedPost>& posts) {
  require(!posts.empty(), "every division has posts");
  for (const auto& post : posts) {
    require(!post.words.empty(), "every post has words");
    require(post.rationale.size() == post.words.size(), "every word is in the rationale or not");
    require(post.label >= 0 && post.label < 3, "every post has one of three labels");
    for (const auto& word : post.words)
      require(word.find(' ') == std::string::npos, "spaces end a word");
  }
}

}  // namespace

void fuzz::try_input(std::string_view input) {
  static const TemporaryFolder folder;
  const auto end = std::min(input.find('\n'), input.size());
  const auto divisions = folder.write("divisions", std::string(input.substr(0, end)));
  const auto dataset = folder.write("dataset", std::string(input.substr(end)));
  const auto data = read_or_nothing(dataset, divisions);
  if (!data) return;
  require_posts(data->train);
  require_posts(data->validation);
  require_posts(data->test);
}
