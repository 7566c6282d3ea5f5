"""What finance takes out of the admin as CSV or XLSX, row by row."""
