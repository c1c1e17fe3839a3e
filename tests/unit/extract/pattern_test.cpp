// The pattern extractor: every rule of its table has texts in which it must find a pair and texts in which it must not.
#include "equal/extract/pattern.hpp"

#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equal/base/error.hpp"

#include "pattern_layout.hpp"
#include "pattern_rules.hpp"
#include "pattern_signature.hpp"

namespace equal::extract {
namespace {

struct Case {
  std::string rule, text, question;  // no question: the rule must find nothing
  std::string answer_start = {}, answer_end = {};
};

const std::string kProse =
    " It returns a new list and leaves the old one as it was, so both can be used afterwards by the caller.";

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      // question
      {"question",
       "Perl > perlfaq4\n\n## How do I sort an array by anything?\n\nSupply a comparison function to sort()." + kProse +
           "\n\n    @list = sort { $a <=> $b } @list;\n",
       "In Perl, how do I sort an array by anything?", "Supply a comparison", "@list;"},
      {"question",
       "Some words before.\n\nWhy is the sky blue at noon?\n\nBecause short waves are scattered more strongly than "
       "long ones, blue light reaches us from all sides of the sky.\n",
       "Why is the sky blue at noon?", "Because short", "of the sky."},
      {"question", "Perl > faq\n\n## What does this do for you?\n\nSupply a comparison function to sort()." + kProse,
       ""},
      {"question", "Perl > faq\n\n## How do I sort an array by anything?\n\nSee the previous section." + kProse, ""},
      {"question", "Perl > faq\n\n## How do I sort an array by anything?\n\nIt depends.\n", ""},
      {"question",
       "Perl > faq\n\n## Are you using a really old version of Perl?\n\nNormally a key that is looked up is not "
       "created." +
           kProse,
       ""},
      // how_to
      {"how_to",
       "Debian > Tips\n\n## How to Mount a Disk\n\nUse the mount command with the name of the device and the folder "
       "where its files shall appear; you mount a disk as root.\n",
       "How do you mount a disk in Debian?", "Use the mount", "as root."},
      {"how_to",
       "Debian > Tips\n\n## How this list was made\n\nUse the mount command with the name of the device and the folder "
       "where its files shall appear; you mount a disk as root.\n",
       ""},
      // task
      {"task",
       "PostgreSQL > Tables\n\n## Creating a Table\n\nYou can create a table by specifying its name, its column names "
       "and their types." +
           kProse + kProse,
       "How do you create a table in PostgreSQL?", "You can create"},
      {"task",
       "PostgreSQL > Tables\n\n## Creating\n\nYou can create a table by specifying its name, its column names and "
       "their types." +
           kProse + kProse,
       ""},
      {"task",
       "PostgreSQL > Tables\n\n## During a Backup\n\nYou can create a table by specifying its name, its column names "
       "and their types." +
           kProse + kProse,
       ""},
      {"task",
       "Python > urllib\n\n## Handling Exceptions\n\nThe function raises an error when it cannot handle a response." +
           kProse + kProse,
       ""},
      // what_is
      {"what_is",
       "Python > Glossary of ideas\n\n## Generators\n\nA generator is a function that yields a series of values, one "
       "at a time, and keeps its state between them.\n",
       "What is a generator in Python?", "A generator is"},
      {"what_is",
       "Python > Ideas\n\n## Decorators\n\nDecorators are functions that take a function and return another one, "
       "usually a wrapper around the first.\n",
       "What are Decorators in Python?", "Decorators are"},
      {"what_is",
       "Python > Ideas\n\n## Generators\n\nMany programs need a series of values, one at a time, and keep some state "
       "between them all the while.\n",
       ""},
      // marked
      {"marked",
       "Q: What is the largest planet of the solar system?\nA: Jupiter, with more than twice the mass of all others "
       "together.\n\nQ: And the smallest?\n",
       "What is the largest planet of the solar system?", "Jupiter", "together."},
      {"marked",
       "Question: Which gas do plants take up?\n\nAnswer: Carbon dioxide.\n\nThey give off oxygen.\n\nQuestion: "
       "Why?\n\nAnswer: For sugar.\n",
       "Which gas do plants take up?", "Carbon dioxide.", "off oxygen."},
      {"marked", "Q: What is the largest planet of the solar system?\n\nQ: Which is the smallest?\n", ""},
      // exercise
      {"exercise",
       "Exercise 3: Write a loop that prints the numbers from one to ten.\n\nSolution: Count with range.\n\n    for i "
       "in range(1, 11):\n        print(i)\n",
       "Write a loop that prints the numbers from one to ten.", "Count with range.", "    print(i)"},
      {"exercise", "Exercise is good for you.\n\nThere is nothing to solve here.\n", ""},
      // entry
      {"entry",
       "Python > os — Operating system\n\n## Files\n\nos.getcwd()\n    Return a string representing the current "
       "working directory of the process, as the system reports it to us.\n",
       "What does os.getcwd() do in Python?", "Return a string", "to us."},
      {"entry",
       "Perl > Math::Trig - trigonometric functions\n\n## Functions\n\ndeg2rad ( $degrees )\n    Converts degrees to "
       "radians; the result is wrapped into one circle unless a true second argument is given.\n",
       "What does deg2rad($degrees) do in the Perl module Math::Trig?", "Converts degrees"},
      {"entry",
       "Python > List Objects\n\n## API\n\nint PyList_Append(PyObject *list, PyObject *item)\n    Append the object "
       "item at the end of list. Return 0 if successful; return -1 and set an exception if unsuccessful.\n",
       "What does PyList_Append(PyObject *list, PyObject *item) do in Python's C API?", "Append the object"},
      {"entry",
       "Python > Exceptions\n\n## Concrete\n\nexception KeyError\n    Raised when a mapping (dictionary) key is not "
       "found in the set of existing keys, for example by a subscript.\n",
       "When is KeyError raised in Python?", "Raised when"},
      {"entry",
       "PostgreSQL > Memory\n\n## Settings\n\nwork_mem (integer)\n    Sets the base maximum amount of memory to be "
       "used by a query operation before writing to temporary disk files.\n",
       "What does the work_mem setting do in PostgreSQL?", "Sets the base"},
      {"entry",
       "Python > os\n\n## Parameters\n\nfile_name\n    Sets the name of the file that is to be read by the function "
       "when it is called by the program later on.\n",
       ""},
      {"entry",
       "Python > os\n\n## Files\n\nos.getcwdb()\n    Like os.getcwd() but returns bytes, which is of use when names "
       "are not valid in the encoding of the file system.\n",
       ""},
      {"entry", "Python > os\n\n## Files\n\nos.getcwd()\n    Return a string.\n", ""},
      {"entry",
       "Bash > Keys\n\n## Completion\n\ndynamic-complete-history (M-TAB)\n    Attempt completion on the text before "
       "point, comparing it with lines of the history list for possible matches.\n",
       ""},
      // identifier
      {"identifier",
       "CMake\n\n## CMAKE_CXX_STANDARD\n\nSets the default value of the CXX_STANDARD property of targets that are "
       "created after the variable was given a value.\n",
       "What does CMAKE_CXX_STANDARD do in CMake?", "Sets the default"},
      {"identifier",
       "CMake\n\n## Standards\n\nSets the default value of the CXX_STANDARD property of targets that are created after "
       "the variable was given a value.\n",
       ""},
      // option
      {"option",
       "Git > git-ls-remote(1)\n\n## OPTIONS\n\n-q\n--quiet\n    Do not print the remote URL to the standard error "
       "stream when no repository was named on the command line.\n",
       "What does the --quiet option of git ls-remote do?", "Do not print"},
      {"option",
       "Some essay\n\n## OPTIONS\n\n--quiet\n    Do not print the remote URL to the standard error stream when no "
       "repository was named on the command line.\n",
       ""},
      // directive
      {"directive",
       "Apache > Apache Module core\n\n## KeepAlive Directive\n\nDescription: Enables persistent connections\nSyntax: "
       "KeepAlive On|Off\n\nThe Keep-Alive extension provides long-lived sessions which "
       "allow multiple requests to be sent over the same connection.\n",
       "What does the KeepAlive directive do in Apache?", "The Keep-Alive"},
      {"directive",
       "Apache > Apache Module core\n\n## About This Directive\n\nThe Keep-Alive extension provides long-lived "
       "sessions which allow multiple requests to be sent over the same connection.\n",
       ""},
      // purpose
      {"purpose",
       "PostgreSQL > VACUUM\n\n## Description\n\nVACUUM reclaims storage occupied by dead tuples, which in normal "
       "operation are not physically removed when they are deleted or made obsolete by an update.\n",
       "What does the VACUUM command do in PostgreSQL?", "VACUUM reclaims"},
      {"purpose",
       "Perl > Text::Wrap - line wrapping\n\n## DESCRIPTION\n\nThis module wraps lines of text into paragraphs of a "
       "given width, and can indent the first line and the lines after it differently, as you choose.\n",
       "What is the Perl module Text::Wrap for?", "This module wraps"},
      {"purpose",
       "Essay > On Cats\n\n## Description\n\nVACUUM reclaims storage occupied by dead tuples, which in normal "
       "operation are not physically removed when they are deleted or made obsolete by an update.\n",
       ""},
      // term
      {"term",
       "Python > Glossary\n\n## Glossary\n\nduck-typing\n    A programming style which does not look at an object's "
       "type to determine if it has the right interface; the method is simply called.\n",
       "What does the term \"duck-typing\" mean in Python?", "A programming style"},
      {"term",
       "Python > Objects\n\n## Values\n\nduck-typing\n    A programming style which does not look at an object's type "
       "to determine if it has the right interface; the method is simply called.\n",
       ""},
  };
  return all;
}

std::vector<Candidate> candidates_of(const std::string& rule, const Layout& layout) {
  std::vector<Candidate> out;
  for (const RuleRow& row : rule_table()) {
    if (row.rule.name == rule) row.find(layout, {}, out);
  }
  return out;
}

TEST(PatternRules, EachFindsWhatItShouldAndNothingElse) {
  for (const Case& c : cases()) {
    const Layout layout = lay_out(c.text);
    const std::vector<Candidate> found = candidates_of(c.rule, layout);
    if (c.question.empty()) {
      EXPECT_TRUE(found.empty()) << c.rule << " found \"" << found.front().question << "\" in\n" << c.text;
      continue;
    }
    ASSERT_FALSE(found.empty()) << c.rule << " found nothing in\n" << c.text;
    EXPECT_EQ(found[0].question, c.question);
    EXPECT_EQ(found[0].answer.substr(0, c.answer_start.size()), c.answer_start) << c.rule;
    EXPECT_TRUE(found[0].answer.ends_with(c.answer_end)) << c.rule << ": " << found[0].answer;
  }
}

TEST(PatternRules, EachHasPositiveAndNegativeTests) {
  std::multiset<std::string> positive, negative;
  for (const Case& c : cases()) (c.question.empty() ? negative : positive).insert(c.rule);
  for (const PatternRule& rule : pattern_rules()) {
    EXPECT_GE(positive.count(std::string(rule.name)), 1U) << rule.name;
    EXPECT_GE(negative.count(std::string(rule.name)), 1U) << rule.name;
    EXPECT_FALSE(rule.matches.empty());
  }
}

Extraction extract(Extractor& extractor, std::string text) {
  extractor.submit({7, "a", std::move(text), {}});
  auto out = extractor.poll(0.0);
  EXPECT_EQ(out.size(), 1U);
  return out.at(0);
}

TEST(Pattern, GivesTheSamePairsAgainAndCallsNobody) {
  const auto extractor = make_pattern();
  EXPECT_TRUE(extractor->deterministic());
  for (const Case& c : cases()) {
    const Extraction first = extract(*extractor, c.text), second = extract(*make_pattern(), c.text);
    EXPECT_EQ(first.pairs, second.pairs);
    EXPECT_EQ(first.document, 7U);
    EXPECT_EQ(first.usage.calls, 0U);
    EXPECT_TRUE(first.failure.empty());
  }
}

TEST(Pattern, AnswersAreVerbatimButForTheirIndentation) {
  const auto extractor = make_pattern();
  for (const Case& c : cases()) {
    for (const Pair& pair : extract(*extractor, c.text).pairs) {
      std::string_view rest = pair.answer;
      while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        EXPECT_NE(c.text.find(rest.substr(0, end)), std::string::npos) << pair.answer;
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    }
  }
}

TEST(Pattern, KeepsTheIndentationOfCode) {
  const Extraction out = extract(*make_pattern(),
                                 "Python > a — b\n\n## x\n\na.each(f)\n    Calls the function f for each of the "
                                 "values, in the order in which they were added, as in\n\n"
                                 "        for x in values:\n            f(x)\n");
  ASSERT_EQ(out.pairs.size(), 1U);
  EXPECT_THAT(out.pairs[0].answer, testing::EndsWith("as in\n\n    for x in values:\n        f(x)"));
}

TEST(Pattern, BoundsAreChecked) {
  EXPECT_THROW(make_pattern({.slots = 0}), UsageError);
  EXPECT_THROW(make_pattern({.max_pairs = 0}), UsageError);
  EXPECT_THROW(make_pattern({.min_answer_words = 9, .max_answer_words = 8}), UsageError);
  EXPECT_NE(make_pattern({.max_pairs = 3})->digest(), make_pattern({.max_pairs = 2})->digest());
}

TEST(Pattern, LongListsOfEntriesAreThinnedOut) {
  std::string text = "Python > os — Operating system\n\n## Files\n\n";
  for (char c = 'a'; c <= 'j'; ++c) {
    text += std::string("os.f") + c + "()\n    Return the value that the operating system holds under the name " +
            std::string(6, c) + ", as a string without blanks at its ends.\n\n";
  }
  EXPECT_EQ(extract(*make_pattern({.max_pairs = 3}), text).pairs.size(), 3U);
  EXPECT_EQ(extract(*make_pattern({.max_pairs = 30}), text).pairs.size(), 10U);
}

TEST(Pattern, HostileTextIsOnlyText) {
  const auto extractor = make_pattern();
  for (std::string text :
       {std::string(), std::string("\n\n\n"), std::string("#"), std::string("# \n## \n"), std::string("a\n    "),
        std::string(100000, '#'), std::string(100000, ' '), std::string("Q:"), std::string("Q: \nA: "),
        std::string("- \n- \n"), std::string("x > y\n\n"), std::string("f(\n    Return"), std::string("(\n    )\n"),
        std::string("\0\xff\xfe?", 4), std::string("-\n    x"), std::string("--\n    x y\n"), std::string("1. ")}) {
    EXPECT_TRUE(extract(*extractor, text).failure.empty());
    for (std::size_t cut = 0; cut < cases()[0].text.size(); cut += 7)
      extract(*extractor, text + cases()[0].text.substr(cut));
  }
}

TEST(PatternSignature, ReadsTerms) {
  struct Row {
    std::string term;
    EntryKind kind;
    std::string name, shown;
  };
  for (const Row& row : std::vector<Row>{
           {"os.walk(top, topdown=True)", EntryKind::call, "os.walk", "os.walk(top, topdown=True)"},
           {"class io.BytesIO(initial_bytes=b'')", EntryKind::type, "io.BytesIO", "io.BytesIO(initial_bytes=b'')"},
           {"c = gallery (\"cauchy\", x)", EntryKind::call, "gallery", "c = gallery(\"cauchy\", x)"},
           {"abs ( numeric_type ) \xE2\x86\x92 numeric_type", EntryKind::call, "abs", "abs(numeric_type)"},
           {"-q, --quiet", EntryKind::option, "--quiet", "--quiet"},
           {"--sort=<key>", EntryKind::option, "--sort", "--sort"},
           {"$obj->method", EntryKind::name, "$obj->method", "$obj->method"},
           {"File::Spec::Unix", EntryKind::name, "File::Spec::Unix", "File::Spec::Unix"},
           {"two words", EntryKind::none, "", ""},
           {"f(unclosed", EntryKind::none, "", ""},
           {"see f(x) and g(y)", EntryKind::none, "", ""},
           {"-", EntryKind::none, "", ""},
           {"", EntryKind::none, "", ""},
       }) {
    const Entry entry = read_entry(row.term);
    EXPECT_EQ(entry.kind, row.kind) << row.term;
    EXPECT_EQ(entry.name, row.name) << row.term;
    EXPECT_EQ(entry.shown, row.shown) << row.term;
  }
}

TEST(PatternLayout, SplitsPathSectionsAndBlocks) {
  const std::string text =
      "Python > os\n\n# Files\n\nA paragraph.\n\n- one\n\n  more\n\n- two\n\n    code\n      deeper\n\n    more "
      "code\n\nterm\n    body\n\n    more body\n\nTitle\n=====\n\na | b\nc | d\n";
  const Layout layout = lay_out(text);
  EXPECT_THAT(layout.path, testing::ElementsAre("Python", "os"));
  ASSERT_EQ(layout.sections.size(), 3U);
  EXPECT_EQ(layout.sections[1].title, "Files");
  ASSERT_EQ(layout.sections[1].blocks.size(), 3U);
  EXPECT_EQ(layout.sections[1].blocks[1].kind, BlockKind::list);  // what stands under an item belongs to it
  EXPECT_EQ(layout.sections[1].blocks[2].kind, BlockKind::definition);
  EXPECT_EQ(layout.sections[1].blocks[2].body, "body\n\nmore body");
  EXPECT_EQ(layout.sections[2].title, "Title");
  EXPECT_EQ(layout.sections[2].blocks.at(0).kind, BlockKind::table);
  EXPECT_EQ(dedent("    a\n      b\n\n    c"), "a\n  b\n\nc");
}

}  // namespace
}  // namespace equal::extract
