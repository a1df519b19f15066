#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace trainer {

/// A post of HateXplain with its first label and its first rationale. Rationales are listed for
/// some annotators only, so that the two may be of different people.
struct AnnotatedPost {
  std::vector<std::string> words = {};
  std::vector<bool> rationale = {};  ///< of each word; all false if the file lists none
  int label = 0;                     ///< 0 hate speech, 1 normal, 2 offensive
};

struct HateXplain {
  std::vector<AnnotatedPost> train = {};  ///< in the order of the file of divisions, as the others
  std::vector<AnnotatedPost> validation = {};
  std::vector<AnnotatedPost> test = {};
};

/// Reads the two files as published. Words are what single spaces separate: an empty token is a
/// word, the empty one, and a token with spaces inside is several, with its rationale; a
/// post without tokens is one empty word. A rationale of another length is read as far as it goes.
///
///   dataset    {"ID": {"annotators": [{"label": "hatespeech" | "normal" | "offensive", ...}, ...],
///                      "rationales": [[0, 1, ...], ...], "post_tokens": ["a", "b", ...]}, ...}
///   divisions  {"train": ["ID", ...], "val": [...], "test": [...]}
///
/// Throws: DataFileError with the path, and the post's ID, if a file is missing or is no such JSON;
///         if a post has no annotator, an unknown label, or other numbers than
///         0, 1 and -1 in its rationale; or if a division is empty or names a post that is not
///         there.
HateXplain read_hatexplain(const std::filesystem::path& dataset,
                           const std::filesystem::path& divisions);

}  // namespace trainer
