"""The console: pages for people, rendered here, with one small script of our own.

visits       who looks at it: logging in, the sealed cookie, what protects forms
pages        what is shown and what can be done; every change goes through the API's own functions
templates/, static/    HTML, style and script; nothing comes from another host
"""
