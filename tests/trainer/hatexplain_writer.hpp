#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/temporary_folder.hpp"

/// Writes HateXplain's two files for tests.
inline nlohmann::json hatexplain_post(const std::vector<std::string>& labels,
                                      const std::vector<std::string>& tokens,
                                      const std::vector<std::vector<int>>& rationales = {}) {
  nlohmann::json post = {
      {"annotators", nlohmann::json::array()}, {"rationales", rationales}, {"post_tokens", tokens}};
  for (const auto& label : labels) {
    post["annotators"].push_back(
        {{"label", label}, {"annotator_id", 4}, {"target", nlohmann::json::array({"None"})}});
  }
  return post;
}

/// Six posts: of training p1, p2 and p3, p4 of validation, p5 and p6 of test.
inline nlohmann::json six_posts() {
  return {{"p1", hatexplain_post({"offensive", "normal", "normal"}, {"you", "are", "bad"},
                                 {{0, 0, 1}, {1, 1, 1}})},
          {"p2", hatexplain_post({"normal", "hatespeech", "hatespeech"}, {"hello", "you"})},
          {"p3", hatexplain_post({"hatespeech", "hatespeech", "normal"},
                                 {"bad", "bad", "", "people", "here"},
                                 {{1, 0, 0, 1, 0}, {0, 0, 0, 1, 0}})},
          {"p4", hatexplain_post({"normal"}, {"only", "seen", "here"})},
          {"p5", hatexplain_post({"hatespeech", "normal"}, {"new", "people"}, {{0, 1}})},
          {"p6", hatexplain_post({"offensive"}, {"are", "you", "new", "here"}, {{0, 0, 0, 0}})}};
}

inline nlohmann::json six_divisions() {
  return {{"train", {"p3", "p1", "p2"}}, {"val", {"p4"}}, {"test", {"p6", "p5"}}};
}

inline void write_hatexplain(const std::filesystem::path& root,
                             const nlohmann::json& posts = six_posts(),
                             const nlohmann::json& divisions = six_divisions()) {
  write_bytes(root / "dataset.json", posts.dump());
  write_bytes(root / "post_id_divisions.json", divisions.dump());
}
