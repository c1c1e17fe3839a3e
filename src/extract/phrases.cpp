#include "phrases.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "equal/extract/keep.hpp"

#include "words.hpp"

namespace equal::extract {
namespace {

/// One place of a phrase: any of these words. `optional` places may be missing.
struct Place {
  std::vector<std::string> words;
  bool optional = false;
};
using Phrase = std::vector<Place>;

/// "according to the|this ?given passage|text": words by blanks, alternatives by bars, a question mark for optional.
Phrase parse(std::string_view text) {
  Phrase out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    std::string_view item = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    Place place;
    place.optional = item.front() == '?';
    if (place.optional) item.remove_prefix(1);
    while (!item.empty()) {
      const std::size_t bar = std::min(item.find('|'), item.size());
      place.words.emplace_back(item.substr(0, bar));
      item.remove_prefix(std::min(bar + 1, item.size()));
    }
    out.push_back(std::move(place));
  }
  return out;
}

class Phrases {
 public:
  Phrases(std::initializer_list<std::string_view> texts) {
    for (const std::string_view text : texts) phrases_.push_back(parse(text));
  }
  bool occur_in(const std::vector<std::string>& words) const {
    for (std::size_t at = 0; at < words.size(); ++at) {
      for (const Phrase& phrase : phrases_) {
        if (matches(phrase, 0, words, at)) return true;
      }
    }
    return false;
  }
  bool start(const std::vector<std::string>& words) const {
    return std::any_of(phrases_.begin(), phrases_.end(), [&](const Phrase& p) { return matches(p, 0, words, 0); });
  }

 private:
  static bool matches(const Phrase& phrase, std::size_t place, const std::vector<std::string>& words, std::size_t at) {
    if (place == phrase.size()) return true;
    const auto& choices = phrase[place].words;
    if (at < words.size() && std::find(choices.begin(), choices.end(), words[at]) != choices.end() &&
        matches(phrase, place + 1, words, at + 1)) {
      return true;
    }
    return phrase[place].optional && matches(phrase, place + 1, words, at);
  }
  std::vector<Phrase> phrases_;
};

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> out;
  for (Token& token : tokenize(text)) out.push_back(std::move(token.text));
  return out;
}

// "Document", "text" and "section" may be what a text is about (an office manual, a statute), so alone they prove
// nothing; "passage" and "excerpt" mean the source itself.
// NOLINTBEGIN(bugprone-suspicious-missing-comma): long phrases are continued on a second line
#define EQUAL_SOURCE \
  "passage|text|document|article|excerpt|paragraph|context|snippet|extract|reading|story|dialogue|conversation"
const Phrases& source_phrases() {
  static const Phrases phrases{
      "according to the|this|that ?given|provided|above " EQUAL_SOURCE "|author",
      "based ?solely|only on|upon the|this|that ?given|provided|above " EQUAL_SOURCE "|information",
      "the|this|that given|provided|above|preceding|following "
      "passage|text|document|article|excerpt|paragraph|context|snippet|extract",
      "mentioned|stated|described|discussed|explained|provided|given|presented|listed|found|said|outlined in|by "
      "the|this ?given|provided|above " EQUAL_SOURCE,
      "the|this passage|text|document|article|excerpt|paragraph|context|snippet|author "
      "says|states|mentions|mention|describes|describe|discusses|discuss|explains|explain|suggests|suggest|say|state|"
      "provides|about|above|below|mainly|primarily",
      "of|in|from|by|does|to the|this passage|excerpt|snippet",
      "this passage|excerpt|snippet|article",
      "mentioned|described|stated|listed|given|shown|discussed ?just above|below",
      "the above "
      "passage|text|table|figure|example|code|information|paragraph|document|question|sentence|statement|problem",
      "the table|figure|example|code|paragraph above|below",
      "in the text above|below|provided",
      "main idea|topic|point|purpose of the|this passage|text|document|article|excerpt|paragraph|section",
  };
  return phrases;
}
#undef EQUAL_SOURCE
// NOLINTEND(bugprone-suspicious-missing-comma)

const Phrases& refusals() {
  static const Phrases phrases{
      "is|are|was|were not ?explicitly|directly|specifically mentioned|stated|specified|provided|given|described in|by "
      "the|this",
      "the|this passage|text|document|article|context|excerpt does not",
      "the|this passage|text|document|article|context|excerpt doesn't",
      "not enough information",
      "no information is|about|on",
      "as an ai",
      "i am an ai",
      "i'm an ai",
      "as a language model",
  };
  return phrases;
}

const Phrases& refusal_openings() {
  static const Phrases phrases{"i cannot|can't answer|provide|help|assist",
                               "i can not answer|provide|help|assist",
                               "i'm|i'm sorry",
                               "i am sorry",
                               "i am|i'm unable|not able|sure",
                               "sorry but|i",
                               "i don't know|have",
                               "i do not know|have",
                               "unknown",
                               "n a"};
  return phrases;
}

}  // namespace

bool points_to_source(std::string_view text) { return source_phrases().occur_in(words_of(text)); }

bool is_refusal(std::string_view text) {
  const std::vector<std::string> words = words_of(text);
  return refusal_openings().start(words) || refusals().occur_in(words);
}

bool is_placeholder(std::string_view text) {
  if (text.find_first_not_of(".…?_-*[](){}<> \t\r\n\xE2\x80\xA6") == std::string_view::npos) return true;
  const std::string plain = normalised(text);
  static const std::vector<std::string> known{"question",
                                              "answer",
                                              "your question",
                                              "your answer",
                                              "the question",
                                              "the answer",
                                              "question here",
                                              "answer here",
                                              "the question here",
                                              "the answer here",
                                              "first question",
                                              "first answer",
                                              "second question",
                                              "second answer",
                                              "question text",
                                              "answer text",
                                              "insert question here",
                                              "insert answer here",
                                              "your question here",
                                              "your answer here"};
  return std::find(known.begin(), known.end(), plain) != known.end();
}

}  // namespace equal::extract
