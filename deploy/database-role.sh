# Read by PostgreSQL's image when it fills an empty volume: servers and workers connect as a role that owns its tables and
# nothing else. The role `postgres` is a superuser, above row-level security, and for those who run the database.
psql --set=ON_ERROR_STOP=1 --set=password="$APPLICATION_PASSWORD" --username=postgres --dbname=postgres <<'SQL'
CREATE ROLE activeloop LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE activeloop OWNER activeloop;
SQL
