#include "trainer/datasets/hatexplain.hpp"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <unordered_map>

#include "trainer/datasets/data_file.hpp"
#include "trainer/datasets/fingerprint.hpp"
#include "trainer/datasets/hatexplain_file.hpp"
#include "trainer/datasets/posts.hpp"

namespace trainer {
namespace {

using nlohmann::json;

constexpr std::int64_t kClasses = 3;
constexpr const char* kHint =
    "put dataset.json and post_id_divisions.json of HateXplain there; './dev data hatexplain' "
    "fetches them";

/// HateXplain as numbers.
struct PostFolder {
  std::vector<Post> train = {};
  std::vector<Post> validation = {};
  std::vector<Post> test = {};
  std::int64_t vocabulary = Post::kFirstWord;
  std::string fingerprint = {};  ///< of the words, labels and rationales
};

/// Numbers words as they come.
class Vocabulary {
 public:
  std::vector<Post> read(const std::vector<AnnotatedPost>& annotated) {
    std::vector<Post> posts;
    for (const auto& [words, rationale, label] : annotated) {
      Post post = {.rationale = rationale, .label = label};
      for (const auto& word : words)
        post.tokens.push_back(numbers_.try_emplace(word, size()).first->second);
      posts.push_back(std::move(post));
    }
    return posts;
  }

  std::int64_t size() const { return Post::kFirstWord + std::ssize(numbers_); }

 private:
  std::unordered_map<std::string, std::int64_t> numbers_ = {};
};

void add_posts(Fingerprint& fingerprint, const std::vector<AnnotatedPost>& posts) {
  const auto num_posts = posts.size();
  fingerprint.add(&num_posts, sizeof(num_posts));
  for (const auto& post : posts) {
    const auto num_words = post.words.size();
    fingerprint.add(&num_words, sizeof(num_words));
    fingerprint.add(&post.label, sizeof(post.label));
    for (std::size_t i = 0; i < num_words; ++i) {
      const auto text = post.words[i] + (post.rationale[i] ? " 1 " : " 0 ");  // no word has spaces
      fingerprint.add(text.data(), text.size());
    }
  }
}

PostFolder read_folder(const std::filesystem::path& root) {
  const auto files = read_hatexplain(root / "dataset.json", root / "post_id_divisions.json");
  Vocabulary vocabulary;
  PostFolder folder;
  folder.train = vocabulary.read(files.train);
  folder.test = vocabulary.read(files.test);
  folder.validation = vocabulary.read(files.validation);
  folder.vocabulary = vocabulary.size();
  Fingerprint fingerprint;
  for (const auto* posts : {&files.train, &files.validation, &files.test})
    add_posts(fingerprint, *posts);
  folder.fingerprint = fingerprint.text();
  return folder;
}

/// A folder is read once in the life of the process.  Throws: SettingError.
const PostFolder& open_post_folder(const json& settings) {
  static std::map<std::string, PostFolder> known;
  const auto root = settings.at("root").get<std::string>();
  const auto found = known.find(root);
  if (found != known.end()) return found->second;
  try {
    return known.emplace(root, read_folder(root)).first->second;
  } catch (const DataFileError& error) {
    throw SettingError("dataset.root", error.what(), kHint);
  }
}

const std::vector<Post>& measured_posts(const json& settings, const PostFolder& folder) {
  return settings.at("measured") == "test" ? folder.test : folder.validation;
}

DataSummary describe_hatexplain(const json& settings) {
  const auto& folder = open_post_folder(settings);
  const auto& measured = measured_posts(settings, folder);
  auto identity = settings;
  identity.erase("root");
  identity["fingerprint"] = folder.fingerprint;
  const auto bytes_of = [](const std::vector<Post>& posts) {
    return posts_bytes(static_cast<double>(posts.size()), longest(posts));
  };
  return {.identity = identity,
          .shape = {.segments = std::max(longest(folder.train), longest(measured)),
                    .features = 1,
                    .classes = kClasses,
                    .vocabulary = folder.vocabulary},
          .size_bytes = bytes_of(folder.train) + bytes_of(measured),
          .train_size = static_cast<double>(folder.train.size())};
}

DataSet load_hatexplain(const json& settings) {
  const auto& folder = open_post_folder(settings);
  return {.shape = describe_hatexplain(settings).shape,
          .train = to_split(folder.train, folder.vocabulary),
          .test = to_split(measured_posts(settings, folder), folder.vocabulary)};
}

}  // namespace

DataSetKind hatexplain_kind() {
  return {
      .choice = {.name = "hatexplain",
                 .help = "posts of social media with rationales, hate, normal or offensive",
                 .settings = {{.key = "root",
                               .declaration = {.type = "path", .help = "folder of the data files"},
                               .is_required = true},
                              one_of("measured", "test", {"test", "validation"},
                                     "posts that are the test set")}},
      .describe = describe_hatexplain,
      .load = load_hatexplain};
}

}  // namespace trainer
