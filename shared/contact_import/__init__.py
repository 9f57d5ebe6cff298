"""Files of contacts into the database: read, judged row by row, loaded by COPY in resumable steps."""
