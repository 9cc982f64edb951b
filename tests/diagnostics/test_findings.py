"""A report: what counts as a finding, and how it reads as text and as a page."""

from companion.diagnostics._findings import Finding, Report

WRONG = Finding("non-finite", "error", "The value is inf.", "at logits of <100>", "Use log_softmax.")
RISKY = Finding("saturation", "warning", "No gradient.", "at margin 20", "Mix in cross entropy.")
TRAIT = Finding("batch-coupling", "note", "Rows share a sum.", "rows 0 and 1", "Keep batches large.")


def test_notes_are_no_findings() -> None:
    report = Report("dice", [TRAIT])
    assert report.ok
    assert report.notes == [TRAIT]
    assert report.names == []


def test_errors_come_before_warnings() -> None:
    report = Report("mine", [RISKY, TRAIT, WRONG])
    assert not report.ok
    assert report.names == ["non-finite", "saturation"]


def test_text_says_what_where_cure_and_link() -> None:
    text = str(Report("mine", [WRONG], checked=["non-finite", "reduction"], unchecked={"graph-break": "no compiler"}))
    assert text.splitlines()[0] == "mine: 1 finding in 2 checks"
    for part in ("error: non-finite", *WRONG[2:], "book/findings.html#non-finite", "not checked: graph-break"):
        assert part in text


def test_a_clean_report_is_one_line() -> None:
    assert str(Report("mine", [], checked=["reduction"])) == "mine: no findings in 1 check"


def test_html_is_escaped_and_links_into_the_book() -> None:
    page = Report("<b>mine", [WRONG])._repr_html_()
    assert "&lt;100&gt;" in page
    assert "&lt;b&gt;mine" in page
    assert 'href="../book/findings.html#non-finite"' in page


def test_html_without_findings_has_no_list() -> None:
    assert "<dl" not in Report("mine", [])._repr_html_()
