#include "tests/explore/report/strict_html.h"

#include <cstddef>
#include <map>
#include <regex>
#include <set>

namespace cleanfork {
namespace {

class Page {
 public:
  explicit Page(const std::string& page) : page_(page) {}

  std::vector<std::string> Check() {
    static const std::string kDoctype = "<!DOCTYPE html>\n";
    if (page_.compare(0, kDoctype.size(), kDoctype) != 0) Fail(0, "no doctype");
    for (size_t at = kDoctype.size(); at < page_.size();) at = Read(at);
    for (const std::string& tag : open_) Fail(page_.size(), "not closed: " + tag);
    for (const std::string& label : labels_) {
      if (ids_.count(label) == 0) Fail(0, "no such id: " + label);
    }
    return errors_;
  }

  const std::string& text() const { return text_; }

 private:
  void Fail(size_t at, const std::string& what) {
    errors_.push_back(what + ", at " + std::to_string(at) + ": " + page_.substr(at, 60));
  }

  size_t Read(size_t at) {
    if (page_[at] == '&') return ReadEntity(at);
    if (page_[at] == '>') Fail(at, "'>' outside a tag");
    if (page_[at] != '<') {
      text_ += page_[at];
      return at + 1;
    }
    static const auto* const tag =
        new std::regex("<(/?)([a-z][a-z0-9]*)((?:\\s+[a-z-]+(?:=\"[^\"<>]*\")?)*)\\s*>");
    std::smatch match;
    const auto begin = page_.begin() + static_cast<std::ptrdiff_t>(at);
    const auto here = std::regex_constants::match_continuous;
    if (!std::regex_search(begin, page_.end(), match, *tag, here)) {
      Fail(at, "no tag");
      return at + 1;
    }
    const std::string name = match[2].str();
    if (match[1].length() == 0) {
      CheckAttributes(at, name, match[3].str());
    } else {
      Close(at, name);
    }
    const size_t end = at + static_cast<size_t>(match.length());
    if (match[1].length() != 0 || (name != "style" && name != "script")) return end;
    return page_.find("</" + name + ">", end);  // what is in there is no markup
  }

  size_t ReadEntity(size_t at) {
    static const std::map<std::string, char> entities = {
        {"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&quot;", '"'}, {"&#39;", '\''}};
    for (const auto& [entity, c] : entities) {
      if (page_.compare(at, entity.size(), entity) != 0) continue;
      text_ += c;
      return at + entity.size();
    }
    Fail(at, "'&' without a meaning");
    return at + 1;
  }

  void Close(size_t at, const std::string& name) {
    if (open_.empty() || open_.back() != name) {
      Fail(at, "closes what is not open");
      return;
    }
    open_.pop_back();
  }

  void CheckAttributes(size_t at, const std::string& name, const std::string& attributes) {
    static const std::set<std::string> loading = {"src",    "href",   "srcset",     "data",
                                                  "action", "poster", "background", "style"};
    static const std::set<std::string> elements = {"link", "img",  "iframe", "object", "embed",
                                                   "base", "form", "video",  "audio",  "source"};
    static const auto* const attribute = new std::regex("([a-z-]+)(?:=\"([^\"]*)\")?");
    if (name != "meta" && name != "br") open_.push_back(name);
    if (elements.count(name) != 0) Fail(at, "an element that may load something");
    for (std::sregex_iterator match(attributes.begin(), attributes.end(), *attribute), end;
         match != end; ++match) {
      const std::string key = (*match)[1].str(), value = (*match)[2].str();
      if (loading.count(key) != 0) Fail(at, "an attribute that may load something");
      if (key == "id" && !ids_.insert(value).second) Fail(at, "an id that stands twice");
      if (key == "aria-labelledby") labels_.push_back(value);
    }
  }

  const std::string& page_;
  std::string text_;
  std::vector<std::string> open_;
  std::set<std::string> ids_;
  std::vector<std::string> labels_;
  std::vector<std::string> errors_;
};

}  // namespace

std::vector<std::string> FindHtmlErrors(const std::string& page) {
  std::vector<std::string> errors = Page(page).Check();
  static const auto* const outside =
      new std::regex("https?://|url\\s*\\(|@import|//[a-z0-9-]+\\.[a-z]", std::regex::icase);
  std::smatch match;
  if (std::regex_search(page, match, *outside)) {
    errors.push_back("refers to something outside it: " + match.str());
  }
  return errors;
}

std::string TextOfHtml(const std::string& page) {
  Page read(page);
  read.Check();
  return read.text();
}

}  // namespace cleanfork
