"""A student as one HTML file that predicts in any browser, without a server, a network or an installation."""

from activeloop.students.web.page import write_page

__all__ = ["write_page"]
