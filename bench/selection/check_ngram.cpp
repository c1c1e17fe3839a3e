// check_ngram: reads lines "train IDS..." and "ask CONTEXT... WORD" (order 4) and prints a probability for each "ask".
// For check_ngram.py, which knows what a published implementation says.
#include <cstdio>
#include <iostream>
#include <sstream>
#include <string>

#include "ngram.hpp"

int main() {
  using namespace equal::bench;
  constexpr std::size_t kOrder = 4;
  KneserNey model(kOrder, 0.75, 0);
  for (std::string line, command; std::getline(std::cin, line);) {
    std::istringstream in(line);
    in >> command;
    std::vector<Word> words;
    for (Word w = 0; in >> w;) words.push_back(w);
    if (command == "train") {
      model.add(words);
    } else {
      std::printf("%.17g\n", model.probability(std::span(words).first(kOrder - 1), words.back()));
    }
  }
}
