// The rules of the pattern extractor, one function a rule, and what they share. The rules by kind: pattern_headings.cpp
// (the title of a section asks), pattern_marked.cpp (the text marks question and answer), pattern_entries.cpp (entries
// of a reference), pattern_pages.cpp (pages of a known make).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pattern_rules.hpp"

namespace equal::extract {

void find_questions(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_how_to(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_tasks(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_what_is(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_marked_questions(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_exercises(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_entries(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_identifier_sections(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_options(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_directives(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_purposes(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);
void find_terms(const Layout& layout, const AnswerBounds& bounds, std::vector<Candidate>& out);

/// "Python" of a document about Python: the first part of its path; empty when it has none.
std::string_view subject_of(const Layout& layout);

/// "os" of "os — Miscellaneous operating system interfaces", "Math::Trig" of "Math::Trig - trigonometric functions".
std::string_view module_of(std::string_view title);

/// All headings that stand above a section, outermost first: the path without its subject, then open sections.
std::vector<std::string_view> titles_above(const Layout& layout, std::size_t section);

/// "How do I sort?" -> "In Perl, how do I sort?", unless the question already says so.
std::string ask_in(std::string_view subject, std::string_view question);

/// " in Perl"; empty without a subject.
std::string in_subject(std::string_view subject);

/// The answer out of the body of a definition: a view into block.body.
std::string_view body_run(const TextBlock& block, const AnswerBounds& bounds);

/// Nothing when `answer` is empty. `position`: where in the document; that of the answer when it is a view into it.
void add(std::vector<Candidate>& out, std::string_view rule, std::string question, std::string_view answer,
         const char* position = nullptr);

}  // namespace equal::extract
