#include "pattern_rules.hpp"

#include "pattern_finders.hpp"

namespace equal::extract {
namespace {

constexpr RuleRow kRules[] = {
    {{"question",
      "a heading, or a line alone between empty ones, that is a whole question; the answer is the text under it"},
     find_questions},
    {{"how_to", "a heading \"How to ...\""}, find_how_to},
    {{"task", "a heading that starts with a gerund: \"Creating a table\""}, find_tasks},
    {{"what_is", "a heading X over a text that opens with \"X is a\", \"An X is\" or \"Xs are\""}, find_what_is},
    {{"marked", "\"Q: ...\" and \"A: ...\", \"Question:\" and \"Answer:\""}, find_marked_questions},
    {{"exercise", "\"Exercise n: ...\" and \"Solution: ...\", \"Problem\", \"Answer\""}, find_exercises},
    {{"entry", "a function, class, variable or setting with its description: a term line with an indented body"},
     find_entries},
    {{"identifier", "a section named for one identifier that its text describes"}, find_identifier_sections},
    {{"option", "a command-line option with its description, on the page of a command"}, find_options},
    {{"directive", "a section \"X Directive\" of a server manual"}, find_directives},
    {{"purpose", "the description of a manual page, or the opening of a page \"module - purpose\""}, find_purposes},
    {{"term", "a term of a glossary with its meaning"}, find_terms},
};

}  // namespace

std::span<const RuleRow> rule_table() { return kRules; }

}  // namespace equal::extract
