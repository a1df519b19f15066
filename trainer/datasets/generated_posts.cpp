#include "trainer/datasets/generated_posts.hpp"

#include <random>

#include "trainer/datasets/draws.hpp"
#include "trainer/datasets/posts.hpp"

namespace trainer {
namespace {

using nlohmann::json;

constexpr std::uint32_t kWordsPerClass = 4;
constexpr std::uint32_t kShortest = 3;  // tokens
constexpr std::uint32_t kMostMarked = 3;
constexpr std::uint32_t kPostsPerSilence = 8;
constexpr std::uint32_t kChances = 1U << 20;
constexpr int kMostPosts = 10'000'000;

struct PostSettings {
  std::uint32_t classes = 0;
  std::uint32_t vocabulary = 0;
  std::uint32_t longest = 0;
  std::uint64_t seed = 0;
  double signal = 0;

  /// Words that tell nothing begin here.
  std::uint32_t first_plain() const {
    return static_cast<std::uint32_t>(Post::kFirstWord) + classes * kWordsPerClass;
  }
};

PostSettings read_settings(const json& settings) {
  const PostSettings read = {.classes = settings.at("classes"),
                             .vocabulary = settings.at("vocabulary"),
                             .longest = settings.at("longest"),
                             .seed = settings.at("seed"),
                             .signal = settings.at("signal")};
  if (read.vocabulary > read.first_plain()) return read;
  throw SettingError("dataset.vocabulary",
                     "must be above " + std::to_string(read.first_plain()) +
                         ", 4 words for each class and 3 that stand for no word");
}

/// A word of the class, or of another one.
std::uint32_t draw_marked(const PostSettings& settings, std::uint32_t label, std::mt19937& rng) {
  const bool is_telling = draw_below(kChances, rng) < settings.signal * kChances;
  const auto other = (label + 1 + draw_below(settings.classes - 1, rng)) % settings.classes;
  const auto marked_class = is_telling ? label : other;
  return static_cast<std::uint32_t>(Post::kFirstWord) + marked_class * kWordsPerClass +
         draw_below(kWordsPerClass, rng);
}

Post draw_post(const PostSettings& settings, std::uint32_t index) {
  std::seed_seq entropy = {static_cast<std::uint32_t>(settings.seed),
                           static_cast<std::uint32_t>(settings.seed >> 32), index};
  std::mt19937 rng(entropy);
  const auto label = draw_below(settings.classes, rng);
  const auto length = kShortest + draw_below(settings.longest - kShortest + 1, rng);
  const bool is_silent = draw_below(kPostsPerSilence, rng) == 0;
  Post post = {.rationale = std::vector<bool>(length), .label = label};
  for (std::uint32_t j = 0; j < length; ++j) {
    post.tokens.push_back(settings.first_plain() +
                          draw_below(settings.vocabulary - settings.first_plain(), rng));
  }
  const auto num_marked = 1 + draw_below(kMostMarked, rng);
  for (std::uint32_t i = 0; i < num_marked; ++i) {
    const auto position = draw_below(length, rng);  // one may be hit twice
    post.tokens[position] = draw_marked(settings, label, rng);
    post.rationale[position] = !is_silent;
  }
  return post;
}

std::vector<Post> draw_posts(const PostSettings& settings, std::uint32_t begin,
                             std::uint32_t size) {
  std::vector<Post> posts;
  for (std::uint32_t i = 0; i < size; ++i)
    posts.push_back(draw_post(settings, begin + i));
  return posts;
}

DataSummary describe_generated_posts(const json& settings) {
  const auto read = read_settings(settings);
  const auto num_posts =
      settings.at("train_size").get<double>() + settings.at("test_size").get<double>();
  return {.identity = settings,
          .shape = {.segments = read.longest,
                    .features = 1,
                    .classes = read.classes,
                    .vocabulary = read.vocabulary},
          .size_bytes = posts_bytes(num_posts, read.longest),
          .train_size = settings.at("train_size")};
}

DataSet load_generated_posts(const json& settings) {
  const auto read = read_settings(settings);
  const auto train_size = settings.at("train_size").get<std::uint32_t>();
  const auto test_size = settings.at("test_size").get<std::uint32_t>();
  return {.shape = describe_generated_posts(settings).shape,
          .train = to_split(draw_posts(read, 0, train_size), read.vocabulary),
          .test = to_split(draw_posts(read, train_size, test_size), read.vocabulary)};
}

}  // namespace

DataSetKind generated_posts_kind() {
  const Setting signal = {
      .key = "signal",
      .declaration = {.type = "float",
                      .default_value = 0.9,
                      .min = 0.0,
                      .max = 1.0,
                      .help = "probability that a marked token is of the label's class"}};
  return {.choice = {.name = "generated_posts",
                     .help = "random tokens, a few of which tell the label",
                     .settings = {whole_number("classes", 3, 2, "number of labels", 1000),
                                  whole_number("vocabulary", 200, 12, "different tokens", 1000000),
                                  whole_number("longest", 12, 3, "most tokens in a post", 10000),
                                  whole_number("train_size", 1000, 1, "training posts", kMostPosts),
                                  whole_number("test_size", 300, 1, "test posts", kMostPosts),
                                  whole_number("seed", 0, 0, "of the posts"), signal}},
          .describe = describe_generated_posts,
          .load = load_generated_posts};
}

}  // namespace trainer
