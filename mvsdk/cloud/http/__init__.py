"""The API over HTTP.

problems         what is answered when something is wrong
calls            from a request to an endpoint: credentials, body, answer
forms, paging    what clients send, and how lists are cut
apps, devices, settings    the resources of /v1 (rest-api.md)
additions, access    those of /mvsdk/v1
known_hosts      under which names it is served
application      all of it as one ASGI application
"""
