#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

/// JSON in the one form in which our programs write it, without a tree: fields in alphabetical
/// order, no blanks. Ten times as fast, which counts where a message or a record tells of one
/// trial. What has any other form is left to a JSON parser.
namespace protocol {

/// What a text turns out to have.
struct OtherForm {};

/// Takes one thing after another from the front of a text, which must outlive it.
/// Throws: OtherForm, from every member that takes.
class JsonScan {
 public:
  explicit JsonScan(std::string_view text) : rest_(text) {}

  bool skip_if(std::string_view wanted);
  void skip(std::string_view wanted);

  /// Refuses what is left, if anything is.
  void end() const;

  /// A text without escapes, ASCII.
  std::string_view text();

  template <class Number>
  Number number_as();

  /// An object of numbers, nulls, and lists of them. Numbers have the type that a parser gives
  /// them: unsigned, signed or float.
  nlohmann::json numbers_by_name();

 private:
  std::string_view take_number();
  nlohmann::json number();
  nlohmann::json value(int depth);

  std::string_view rest_;
};

/// Appends a text in quotes, escaped where it must be; bytes that are no UTF-8 are replaced.
void append_text(std::string& json, const std::string& text);

/// Appends a number; null for NaN and infinities.
void append_number(std::string& json, double number);
void append_number(std::string& json, std::int64_t number);

/// Appends any JSON.
void append_json(std::string& json, const nlohmann::json& value);

}  // namespace protocol
