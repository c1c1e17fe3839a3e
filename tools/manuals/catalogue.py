"""Which files of which Debian packages are read, and how."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """One documentation package.

    package: Debian's name, also the `source` of its documents
    subject: what the manual is about; the first part of each document's heading path
    reader:  "html" or "pod"
    folder:  where the pages are, relative to the root; `*` stands for one folder's name
    names:   which files below it, by their path relative to the folder; `*` crosses folders
    exclude: path parts that leave a file out (indexes, changelogs, other languages)
    main:    the HTML elements that hold the text, tried in order: "tag", "tag#id" or "tag.class"
    """

    package: str
    subject: str
    reader: str
    folder: str
    names: tuple
    exclude: tuple = ()
    main: tuple = ("body",)


_SPHINX = ("div.body", "body")
_SPHINX_OUT = ("genindex", "py-modindex", "/search.html", "_modules/", "_sources/", "_static/", "changelog", "/contents.html",
               "/release-notes", "/copyright.html")

SOURCES = (
    Source("python3.11-doc", "Python", "html", "usr/share/doc/python3.11/html", ("*.html",),
           _SPHINX_OUT + ("/download.html", "/bugs.html", "/license.html", "/about.html"), _SPHINX),
    Source("perl-doc", "Perl", "pod", "usr/share/perl/5.*.*/pod", ("*.pod",),
           ("delta.pod", "/perltoc.pod", "/perlcn.pod", "/perljp.pod", "/perlko.pod", "/perltw.pod", "/perlartistic.pod", "/perlgpl.pod",
            "/perluniprops.pod", "/perlhist.pod")),
    Source("perl-modules-5.36", "Perl", "pod", "usr/share/perl/5.*.*", ("*.pm", "*.pod",),
           ("/pod/", "/unicore/", "/Perl/OSType", "/Unicode/Collate/", "/perl5db")),
    Source("libdbi-perl", "Perl", "pod", "usr/lib/*/perl5/5.36", ("DB*.pm", "DB*.pod",), ("/Changes",)),
    Source("libmoose-perl", "Perl", "pod", "usr/lib/*/perl5/5.36", ("*Moose*.pod", "*Moose*.pm",), ("/Exception/", "/Changes")),
    Source("postgresql-doc-15", "PostgreSQL", "html", "usr/share/doc/postgresql-doc-15/html", ("*.html",),
           ("/release", "/bookindex", "/acknowledgments", "/biblio", "/legalnotice", "/index.html", "/features-sql-standard",
            "/unsupported-features-sql-standard", "/sql-keywords-appendix")),
    Source("git-doc", "Git", "html", "usr/share/doc/git-doc", ("*.html",), ("RelNotes",), ("div#content", "body")),
    Source("sqlite3-doc", "SQLite", "html", "usr/share/doc/sqlite3", ("*.html",),
           ("releaselog", "/changes", "/chronology", "/sitemap", "/keyword_index", "/doclist", "/toc.db", "/cves", "-copy", "/requirements",
            "/matrix", "/hlr", "/syntax/", "/news", "/oldnews", "/search.d")),
    Source("apache2-doc", "Apache", "html", "usr/share/doc/apache2-doc/manual/en", ("*.html",),
           ("/sitemap", "/quickreference", "/directives.html", "/new_features"), ("div#page-content", "body")),
    Source("cmake-doc", "CMake", "html", "usr/share/doc/cmake-data/html", ("*.html",), _SPHINX_OUT + ("/release/",), _SPHINX),
    Source("python-django-doc", "Django", "html", "usr/share/doc/python-django-doc/html", ("*.html",),
           _SPHINX_OUT + ("/releases/1.", "/releases/0."), ("div.yui-g", "body")),
    Source("python-sqlalchemy-doc", "SQLAlchemy", "html", "usr/share/doc/python-sqlalchemy-doc/html", ("*.html",), _SPHINX_OUT,
           ("div#docs-body", "div.body", "body")),
    Source("python-pytest-doc", "pytest", "html", "usr/share/doc/python-pytest-doc/html", ("*.html",), _SPHINX_OUT + ("/announce/",), _SPHINX),
    Source("python-flask-doc", "Flask", "html", "usr/share/doc/python-flask-doc/html", ("*.html",), _SPHINX_OUT + ("/changes",), _SPHINX),
    Source("python-jinja2-doc", "Jinja", "html", "usr/share/doc/python-jinja2-doc/html", ("*.html",), _SPHINX_OUT + ("/changes",), _SPHINX),
    Source("python-requests-doc", "Requests", "html", "usr/share/doc/python-requests-doc/html", ("*.html",), _SPHINX_OUT, _SPHINX),
    Source("octave-doc", "Octave", "html", "usr/share/doc/octave/octave.html", ("*.html",),
           ("/XREF", "-Index.html", "/index.html", "/Copying", "/Acknowledgements")),
    Source("maxima-doc", "Maxima", "html", "usr/share/doc/maxima-doc/html", ("*.html",), ("_toc", "_abt")),
    Source("r-doc-html", "R", "html", "usr/share/R/doc/manual", ("R-*.html",)),
    Source("bash-doc", "Bash", "html", "usr/share/doc/bash", ("bashref.html",)),
    Source("autoconf-doc", "Autoconf", "html", "usr/share/doc/autoconf", ("autoconf.html",)),
    Source("debian-faq", "Debian", "html", "usr/share/doc/debian/FAQ", ("*.en.html",), ("/index.en",)),
    Source("debian-policy", "Debian", "html", "usr/share/doc/debian-policy/policy.html", ("*.html",), _SPHINX_OUT, _SPHINX),
    Source("debian-policy", "Debian", "html", "usr/share/doc/debian-policy/perl-policy.html", ("*.html",), _SPHINX_OUT, _SPHINX),
    Source("debian-reference-en", "Debian", "html", "usr/share/debian-reference", ("*.en.html",), ("/index.en",)),
    Source("developers-reference", "Debian", "html", "usr/share/developers-reference", ("*.html",), _SPHINX_OUT + ("/developers-reference.html",), _SPHINX),
    Source("libreoffice-help-en-us", "LibreOffice", "html", "usr/share/libreoffice/help/en-US/text", ("*.html",), (), ("div#DisplayArea", "body")),
)
