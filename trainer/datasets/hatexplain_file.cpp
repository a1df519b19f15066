#include "trainer/datasets/hatexplain_file.hpp"

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <system_error>

#include <nlohmann/json.hpp>

#include "protocol/json_fields.hpp"
#include "protocol/messages.hpp"
#include "trainer/datasets/data_file.hpp"

namespace trainer {
namespace {

using nlohmann::json;
using protocol::JsonFields;

constexpr std::uintmax_t kLargestPostFile = std::uintmax_t{1}
                                            << 28;  // bytes, 20 times the original
constexpr std::array kLabels = {"hatespeech", "normal", "offensive"};

/// One JSON file, and what is wrong with it.
class JsonFile {
 public:
  explicit JsonFile(const std::filesystem::path& path) : path_(path) {
    try {
      json_ = protocol::parse_json(read());
    } catch (const json::exception& error) {
      fail(std::string("is no JSON (") + error.what() + ")");
    } catch (const protocol::ProtocolError& error) {
      fail(error.what());
    }
    if (!json_.is_object()) fail("is no JSON object");
  }

  const json& content() const { return json_; }

  [[noreturn]] void fail(const std::string& what) const {
    throw DataFileError(path_.string() + " " + what);
  }

 private:
  std::string read() const {
    std::ifstream file(path_, std::ios::binary);
    if (!file) fail("cannot be opened (" + std::generic_category().message(errno) + ")");
    std::error_code error;
    const auto size = std::filesystem::file_size(path_, error);
    if (error) fail("cannot be read (" + error.message() + ")");
    if (size > kLargestPostFile) fail("is too large (" + std::to_string(size) + " bytes)");
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (text.size() != size) fail("cannot be read to its end");
    return text;
  }

  std::filesystem::path path_;
  json json_;
};

/// What single spaces separate.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> words;
  std::size_t begin = 0;
  for (auto end = text.find(' '); end != std::string::npos; end = text.find(' ', begin)) {
    words.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  words.push_back(text.substr(begin));
  return words;
}

int label_of(const JsonFields& post) {
  const auto labels = post.list_of("annotators", [](const JsonFields& annotator) {
    return annotator.required<std::string>("label");
  });
  if (labels.empty()) throw DataFileError("has no annotator");
  for (std::size_t label = 0; label < kLabels.size(); ++label)
    if (labels.front() == kLabels[label]) return static_cast<int>(label);
  throw DataFileError("has label '" + labels.front() + "' (want hatespeech, normal or offensive)");
}

/// Of each token. An annotator who gave none is written down as all -1, too. Where the list and the
/// tokens differ in length, values without a token count for nothing and tokens without one are 0.
std::vector<bool> rationale_of(const JsonFields& post, std::size_t num_tokens) {
  const auto all = post.value_or("rationales", std::vector<std::vector<int>>());
  if (all.empty()) return std::vector<bool>(num_tokens);
  std::vector<bool> rationale;
  for (const auto value : all.front()) {
    if (value < -1 || value > 1) {
      throw DataFileError("has " + std::to_string(value) + " in its rationale (want 0 or 1)");
    }
    rationale.push_back(value == 1);
  }
  rationale.resize(num_tokens);
  return rationale;
}

/// Throws: DataFileError, protocol::ProtocolError without a path.
AnnotatedPost read_post(const json& entry) {
  const JsonFields fields(entry, "it");
  auto tokens = fields.required<std::vector<std::string>>("post_tokens");
  if (tokens.empty()) tokens.emplace_back();
  const auto rationale = rationale_of(fields, tokens.size());
  AnnotatedPost post = {.label = label_of(fields)};
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    for (auto& word : split(tokens[i])) {
      post.words.push_back(std::move(word));
      post.rationale.push_back(rationale[i]);
    }
  }
  return post;
}

AnnotatedPost read_post(const JsonFile& dataset, const std::string& id) {
  const auto problem = [&](const char* what) { return "post '" + id + "': " + what; };
  try {
    return read_post(dataset.content().at(id));
  } catch (const DataFileError& error) {
    dataset.fail(problem(error.what()));
  } catch (const protocol::ProtocolError& error) {
    dataset.fail(problem(error.what()));
  }
}

std::vector<AnnotatedPost> read_division(const JsonFile& divisions, const char* name,
                                         const JsonFile& dataset) {
  std::vector<std::string> ids;
  try {
    ids = JsonFields(divisions.content(), "it").required<std::vector<std::string>>(name);
  } catch (const protocol::ProtocolError& error) {
    divisions.fail(error.what());
  }
  if (ids.empty()) divisions.fail(std::string("lists no post under ") + name);
  std::vector<AnnotatedPost> posts;
  for (const auto& id : ids) {
    if (!dataset.content().contains(id)) {
      divisions.fail(std::string("lists post '") + id + "' under " + name +
                     ", which is not in the dataset");
    }
    posts.push_back(read_post(dataset, id));
  }
  return posts;
}

}  // namespace

HateXplain read_hatexplain(const std::filesystem::path& dataset,
                           const std::filesystem::path& divisions) {
  const JsonFile dataset_file(dataset);
  const JsonFile divisions_file(divisions);
  return {.train = read_division(divisions_file, "train", dataset_file),
          .validation = read_division(divisions_file, "val", dataset_file),
          .test = read_division(divisions_file, "test", dataset_file)};
}

}  // namespace trainer
