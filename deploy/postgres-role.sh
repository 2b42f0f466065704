#!/bin/sh
# Runs once, when PostgreSQL's folder is empty: the role and the database of docs/operating.md.
# An ordinary role, because row-level security does not hold a superuser.
set -eu
psql --username=postgres --set=ON_ERROR_STOP=1 --set=password="$APP_PASSWORD" <<'SQL'
CREATE ROLE octapost LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE octapost OWNER octapost;
SQL
