package altertable;

import java.sql.Connection;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** Short forms of what nearly every test does. */
final class Rows {
  private Rows() {}

  /** All rows of {@code results}, as {@link ResultSet#getObject(int)} gives them. */
  static List<List<Object>> all(ResultSet results) throws SQLException {
    try (results) {
      var rows = new ArrayList<List<Object>>();
      while (results.next()) {
        var row = new ArrayList<>();
        for (int column = 1; column <= results.getMetaData().getColumnCount(); column++) {
          row.add(results.getObject(column));
        }
        rows.add(Collections.unmodifiableList(row));
      }
      return rows;
    }
  }

  /** The named columns of {@code results}, as text joined by {@code |}. */
  static List<String> texts(ResultSet results, String... columns) throws SQLException {
    try (results) {
      var rows = new ArrayList<String>();
      while (results.next()) {
        var cells = new ArrayList<String>();
        for (var column : columns) {
          cells.add(results.getString(column));
        }
        rows.add(String.join("|", cells));
      }
      return rows;
    }
  }

  static List<List<Object>> query(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement()) {
      return all(statement.executeQuery(sql));
    }
  }

  static long update(Connection connection, String sql) throws SQLException {
    try (var statement = connection.createStatement()) {
      return statement.executeUpdate(sql);
    }
  }
}
