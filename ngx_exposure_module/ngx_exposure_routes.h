/*
 * Everything that can be asked for, in the order in which paths are tried.
 *
 *   ROUTE(method, path, rule, kind, verb, handler)
 *
 *   path     after /api/v1; {id} and {user} stand for one segment
 *   rule     who may: ngx_exposure_rule_e, x-exposure-rule in api/openapi.yaml
 *   kind     PLAIN, BODY: the handler reads one, SOCKET: a WebSocket, whose
 *            first message carries the token
 *   verb     what the audit calls it: lib/audit.h
 *   handler  ngx_exposure_<handler>
 *
 * Included where ROUTE means something; a line that lacks a column, or names
 * what there is not, does not compile.
 */

ROUTE(POST, "/accounts/login", PUBLIC, BODY, SIGN_IN, login)
ROUTE(POST, "/accounts/enrol", PUBLIC, BODY, USER_ADD, login_enrol)
ROUTE(POST, "/accounts/recover", PUBLIC, BODY, USER_CHANGE, login_recover)
ROUTE(POST, "/accounts/password", SIGNED_IN, BODY, USER_CHANGE, login_password)
ROUTE(POST, "/accounts/recovery", SIGNED_IN, BODY, USER_CHANGE, login_recovery)
ROUTE(POST, "/accounts/renew", SIGNED_IN, PLAIN, NONE, account_renew)
ROUTE(GET, "/providers", PUBLIC, PLAIN, NONE, oidc_providers)
ROUTE(GET, "/jwks.json", PUBLIC, PLAIN, NONE, account_jwks)

ROUTE(GET, "/users/current", SIGNED_IN, PLAIN, NONE, account_user)
ROUTE(GET, "/users/current/audit", SIGNED_IN, PLAIN, NONE, audit_user)
ROUTE(DELETE, "/users/current", SIGNED_IN, BODY, USER_DELETE, erase_user)
ROUTE(POST, "/users/current/identity", SIGNED_IN, BODY, USER_CHANGE,
      identity_move)
ROUTE(GET, "/users/current/export", SIGNED_IN, PLAIN, USER_EXPORT, export_user)
ROUTE(GET, "/users/{id}", SELF, PLAIN, NONE, account_user)

ROUTE(GET, "/scans", SIGNED_IN, PLAIN, NONE, scan_list)
ROUTE(POST, "/scans", SIGNED_IN, BODY, SCAN_ADD, upload)
ROUTE(GET, "/scans/{id}", SCAN_VIEWER, PLAIN, NONE, scan_get)
ROUTE(PATCH, "/scans/{id}", SCAN_OWNER, BODY, SCAN_CHANGE, scan_patch)
ROUTE(DELETE, "/scans/{id}", SCAN_OWNER, PLAIN, SCAN_DELETE, scan_delete)
ROUTE(GET, "/scans/{id}/thumbnail", SCAN_VIEWER, PLAIN, SCAN_LOOK,
      scan_thumbnail)
ROUTE(GET, "/scans/{id}/export", SCAN_OWNER, PLAIN, SCAN_EXPORT, export_scan)

ROUTE(GET, "/scans/{id}/audit", SCAN_OWNER, PLAIN, NONE, audit_scan)

ROUTE(OPTIONS, "/uploads", PUBLIC, PLAIN, NONE, tus_options)
ROUTE(POST, "/uploads", SIGNED_IN, BODY, SCAN_ADD, tus_create)
ROUTE(OPTIONS, "/uploads/{id}", PUBLIC, PLAIN, NONE, tus_options)
ROUTE(HEAD, "/uploads/{id}", UPLOAD_OWNER, PLAIN, NONE, tus_head)
ROUTE(PATCH, "/uploads/{id}", UPLOAD_OWNER, BODY, SCAN_ADD, tus_patch)
ROUTE(DELETE, "/uploads/{id}", UPLOAD_OWNER, PLAIN, NONE, tus_delete)

ROUTE(POST, "/dicomweb/studies", SIGNED_IN, BODY, SCAN_ADD, stow)

ROUTE(GET, "/scans/{id}/configurations", SCAN_VIEWER, PLAIN, NONE,
      configuration_list)
ROUTE(POST, "/scans/{id}/configurations", SCAN_EDITOR, BODY, CONFIGURATION_ADD,
      configuration_add)
ROUTE(GET, "/configurations/{id}", CONFIGURATION_VIEWER, PLAIN, NONE,
      configuration_get)
ROUTE(PATCH, "/configurations/{id}", CONFIGURATION_EDITOR, BODY,
      CONFIGURATION_CHANGE, configuration_patch)
ROUTE(DELETE, "/configurations/{id}", CONFIGURATION_EDITOR, PLAIN,
      CONFIGURATION_DELETE, configuration_delete)

ROUTE(GET, "/scans/{id}/permissions", SCAN_OWNER, PLAIN, NONE, permission_list)
ROUTE(DELETE, "/scans/{id}/permissions/current", SCAN_VIEWER, PLAIN,
      SHARE_REVOKE, permission_leave)
ROUTE(PATCH, "/scans/{id}/permissions/{user}", SCAN_OWNER, BODY, SHARE_CHANGE,
      permission_patch)
ROUTE(DELETE, "/scans/{id}/permissions/{user}", SCAN_OWNER, PLAIN,
      SHARE_REVOKE, permission_delete)
ROUTE(GET, "/scans/{id}/invitations", SCAN_OWNER, PLAIN, NONE, invitation_list)
ROUTE(POST, "/scans/{id}/invitations", SCAN_OWNER, BODY, SHARE_INVITE,
      invitation_add)
ROUTE(DELETE, "/invitations/{id}", INVITATION_OWNER, PLAIN, SHARE_UNINVITE,
      invitation_delete)
ROUTE(POST, "/invitations/redeem", SIGNED_IN, BODY, SHARE_REDEEM,
      invitation_redeem)

ROUTE(GET, "/scans/{id}/execute", SCAN_VIEWER, SOCKET, SCAN_VIEW,
      execute_accept)
ROUTE(GET, "/connect", SESSION_USER, SOCKET, NONE, viewer_connect)
ROUTE(GET, "/stream", SESSION_USER, SOCKET, NONE, viewer_stream)

ROUTE(GET, "/healthz", PUBLIC, PLAIN, NONE, route_healthz)
ROUTE(GET, "/readyz", PUBLIC, PLAIN, NONE, route_readyz)
ROUTE(GET, "/openapi.json", PUBLIC, PLAIN, NONE, route_openapi)
ROUTE(GET, "/settings.schema.json", PUBLIC, PLAIN, NONE, route_settings)
ROUTE(GET, "/messages.schema.json", PUBLIC, PLAIN, NONE, route_messages)
