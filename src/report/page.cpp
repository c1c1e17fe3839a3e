#include "equal/report/page.hpp"

#include <string_view>

#include "page_text.hpp"

namespace equal::report {
namespace {

/// JSON that can stand in a <script> block: no character of it ends or opens markup.
std::string safe_in_html(const std::string& json) {
  std::string out;
  out.reserve(json.size());
  for (const char c : json) {
    switch (c) {
      case '<':
        out += "\\u003c";
        break;
      case '>':
        out += "\\u003e";
        break;
      case '&':
        out += "\\u0026";
        break;
      default:
        out += c;
    }
  }
  return out;
}

}  // namespace

std::string page(const Json& data) {
  std::string_view rest = kPageHtml;
  std::string out;
  while (true) {
    const auto mark = rest.find("@@");
    out += rest.substr(0, mark);
    if (mark == std::string_view::npos) return out;
    const auto end = rest.find("@@", mark + 2);
    const std::string_view name = rest.substr(mark + 2, end - mark - 2);
    if (name == "CSS") out += kPageCss;
    if (name == "JS") out += kPageJs;
    if (name == "DATA") out += safe_in_html(dump_json(data));
    rest.remove_prefix(end + 2);
  }
}

}  // namespace equal::report
