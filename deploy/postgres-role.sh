#!/bin/sh
# The two roles and the database of docs/operating.md: one owns the tables, the other works with their rows.
# PostgreSQL runs it once, when its folder is empty. Where there was only one role, run it by hand: it changes
# what is not so yet, and does nothing the second time.
# Ordinary roles, because row-level security does not hold a superuser.
set -eu
: "${OWNER_PASSWORD:?}" "${APP_PASSWORD:?}"
psql --username=postgres --dbname=postgres --no-psqlrc --quiet --set=ON_ERROR_STOP=1 <<'SQL'
\getenv owner_password OWNER_PASSWORD
\getenv app_password APP_PASSWORD
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD %L', name, password)
FROM (VALUES ('octapost_owner', :'owner_password'), ('octapost', :'app_password')) AS wanted (name, password)
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name)
\gexec
SELECT 'CREATE DATABASE octapost OWNER octapost_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'octapost')
\gexec
ALTER DATABASE octapost OWNER TO octapost_owner;
\connect octapost
REASSIGN OWNED BY octapost TO octapost_owner;
ALTER SCHEMA public OWNER TO octapost_owner;
REVOKE CREATE ON SCHEMA public FROM PUBLIC, octapost;
SQL
