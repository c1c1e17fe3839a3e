// The little English that the pattern rules need: word lists and checks on openings, references and endings.
#pragma once

#include <string>
#include <string_view>

namespace equal::extract {

std::string lower(std::string_view text);            ///< ASCII
std::string_view first_word(std::string_view text);  ///< letters, digits, apostrophes and hyphens at its start
bool is_word_char(char c);                           ///< letter, digit or underscore

/// The words of `phrase` occur in `text` next to each other, ignoring case; whole words.
bool mentions(std::string_view text, std::string_view phrase);

/// "return", "Returns", "creates": an entry that says what its subject does.
bool is_action(std::string_view word);
/// "a", "an", "the", "read-only", "boolean" ...: an entry that says what its subject is.
bool is_description(std::string_view word);
/// "function", "method", "option" ...: after "this" it is the entry itself.
bool is_kind_of_entry(std::string_view word);

/// "Creating" -> "create"; empty for a word that is no gerund of the list.
std::string base_of_gerund(std::string_view word);

/// Starts with a word that needs what stood before: "It", "These", "See", "Same as".
bool opens_in_the_middle(std::string_view text);
/// Sends the reader to another place: "see below", "the previous section", "Figure 3".
bool refers_elsewhere(std::string_view text);
/// Ends with a sentence; code may follow.
bool ends_well(std::string_view text);

/// First letter in lower case unless the word is a name ("I", "CGI", "DateTime").
std::string lower_first(std::string_view text);

}  // namespace equal::extract
